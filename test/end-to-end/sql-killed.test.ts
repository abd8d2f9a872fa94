import { Client } from 'pg';
import { expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { eventually } from './support/eventually.js';
import { readRows } from './support/output.js';
import { removeAtEnd, textsInRedis, waitingIn } from './support/servers.js';
import { startService } from './support/services.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

const ROWS = 6_000;
const CHUNK = 200;
/** So many rows are in the queue when the producer is killed. */
const BEFORE = 1_500;
/** Milliseconds. The second producer waits for the lease of the first, and a busy machine for everything. */
const LONG = 120_000;
const LAST = '2020-01-05T04:00:00.000Z';

async function run(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

test('a producer that is killed in the middle of a table goes on behind what was confirmed; no row is lost, and none is there twice', async () => {
  const name = uniqueName('killed');
  const queue = `${name}.bookings`;
  const [output, table] = [stage.path('out'), uniqueName('bookings')];
  // One a minute, so that the overlap of five seconds brings none of them again.
  await run(`CREATE TABLE ${table} AS SELECT n AS id, n * 0.01 AS amount,
    timestamptz '2020-01-01 00:00:00+00' + n * interval '1 minute' AS updated_at FROM generate_series(1, ${ROWS}) n`);
  stage.atEnd('the table', () => run(`DROP TABLE ${table}`));
  await run(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`);
  removeAtEnd(stage, servers, name, [queue]);
  const pipeline = {
    name,
    entities: {
      booking: {
        dataset: 'bookings',
        queue,
        key: 'id',
        version: 'updated_at',
        fields: { id: 'integer', amount: 'decimal', updated_at: 'datetime' },
      },
    },
    endpoints: {
      bookings: {
        source: 'sql',
        url: inject('postgresUrl'),
        // Each chunk takes a while, so that there is a middle.
        query: `SELECT id, amount, updated_at FROM ${table} WHERE (SELECT pg_sleep(0.1)) IS NOT NULL`,
        entity: 'booking',
        chunk: CHUNK,
        schedule: { every: '1h' },
      },
    },
    // A message holds one record, so that messages tell how many records are there.
    pack: { records: 1 },
    batch: { size: 1_000, interval: '500ms' },
    sink: { type: 'csv', csv: { directory: output } },
  };
  const env = {
    AMQP_URL: servers.amqpUrl,
    REDIS_URL: servers.redisUrl,
    PIPELINE: stage.write(`${name}.yaml`, JSON.stringify(pipeline)),
  };

  const first = await startService(stage, 'producer', { ...env, INSTANCE_ID: 'first' });
  await eventually(async () => expect(await waitingIn(servers.amqpUrl, queue)).toBeGreaterThan(BEFORE));
  first.program.signal('SIGKILL');
  await first.program.ended;

  await startService(stage, 'producer', { ...env, INSTANCE_ID: 'second' });
  await eventually(
    async () => {
      const [cursor = ''] = await textsInRedis(servers.redisUrl, `{${name}}:cursor:*`);
      expect(cursor).toContain(LAST);
    },
    100,
    LONG,
  );
  const published = await waitingIn(servers.amqpUrl, queue);
  expect(published).toBeGreaterThanOrEqual(ROWS);
  // Had it begun again, all that was there would have come twice.
  expect(published).toBeLessThan(ROWS + BEFORE);

  await startService(stage, 'consumer', { ...env, INSTANCE_ID: 'consumer' });
  await eventually(async () => expect(await waitingIn(servers.amqpUrl, queue)).toBe(0));
  const ids = Array.from({ length: ROWS }, (_, index) => String(index + 1));
  await eventually(async () => {
    const rows = await readRows(output, 'bookings');
    expect(rows.map(({ key }) => key).sort((a, b) => Number(a) - Number(b))).toEqual(ids);
  });
}, 300_000);
