import { inject } from 'vitest';
import { describeSink } from '../../consumer/test/sinks/conformance.js';
import { postgresStore } from './postgres-store.js';

describeSink('Postgres', () => postgresStore(inject('postgresUrl')), { refusesRows: true });
describeSink('Postgres, with history,', () => postgresStore(inject('postgresUrl'), { history: true }), {
  refusesRows: true,
});
describeSink(
  'Postgres, keeping deleted rows,',
  () => postgresStore(inject('postgresUrl'), { history: true, deletes: 'keep' }),
  { refusesRows: true },
);
