import { describe, inject } from 'vitest';
import { aggregateSuite } from '../../consumer/test/aggregate/suite.js';
import { aggregatePipeline } from '../../consumer/test/aggregate/world.js';
import { postgresStore } from './postgres-store.js';

describe.each([{ deletes: 'remove' }, { deletes: 'keep' }] as const)(
  'aggregates on Postgres, deletes: $deletes',
  ({ deletes }) => {
    aggregateSuite(async () => {
      const store = await postgresStore(inject('postgresUrl'), { history: true, deletes });
      return { connect: (config = aggregatePipeline()) => store.connect(config), remove: () => store.remove() };
    }, 6);
  },
);
