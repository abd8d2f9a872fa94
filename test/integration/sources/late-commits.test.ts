import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, parsePipeline } from '@tributary/shared';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createConsumer } from '../../../consumer/src/service.js';
import { createProducer } from '../../../producer/src/service.js';
import { eventually } from '../../end-to-end/support/eventually.js';
import { readRows } from '../../end-to-end/support/output.js';
import { removeAtEnd } from '../../end-to-end/support/servers.js';
import { sayOnConsole, uniqueName } from '../../services/handle.js';
import { startPrivatePostgres } from '../../services/postgres.js';

/** A connection whose statements are one transaction after BEGIN. */
interface Session {
  run(statement: string): Promise<void>;
}

/** A database, and the column of the time at which the transaction, or the statement, began. */
interface Engine {
  readonly name: string;
  readonly url: () => string;
  readonly updatedAt: string;
  connect(): Promise<Session>;
}

const postgresAt = (url: () => string): Engine => ({
  name: 'Postgres',
  url,
  updatedAt: 'timestamptz NOT NULL DEFAULT now()',
  async connect() {
    const client = new Client({ connectionString: url() });
    await client.connect();
    onTestFinished(() => client.end());
    return { run: async (statement) => void (await client.query(statement)) };
  },
});

const ENGINES: readonly Engine[] = [
  postgresAt(() => inject('postgresUrl')),
  {
    name: 'MariaDB',
    url: () => inject('mariadbUrl'),
    updatedAt: 'timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)',
    async connect() {
      const connection = await createConnection({ uri: inject('mariadbUrl') });
      onTestFinished(() => connection.end());
      return { run: async (statement) => void (await connection.query(statement)) };
    },
  },
];

interface Version {
  readonly name: string;
  readonly type: string;
}

const TIME: Version = { name: 'updated_at', type: 'datetime' };
const NUMBER: Version = { name: 'id', type: 'integer' };

/** One table, read by endpoints with these settings of `incremental`, each into a dataset of its own. */
async function follow(engine: Engine, incrementals: Readonly<Record<string, object>>, version = TIME) {
  const session = await engine.connect();
  const [name, table] = [uniqueName('late'), uniqueName('bookings')];
  await session.run(`CREATE TABLE ${table} (id int PRIMARY KEY, updated_at ${engine.updatedAt})`);
  onTestFinished(() => session.run(`DROP TABLE ${table}`));
  const output = mkdtempSync(join(tmpdir(), 'tributary-late-'));
  onTestFinished(() => rmSync(output, { recursive: true, force: true, maxRetries: 5 }));
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  const datasets = Object.keys(incrementals);
  const queues = datasets.map((dataset) => `${name}.${dataset}`);
  removeAtEnd({ atEnd: (_what, release) => onTestFinished(async () => void (await release())) }, servers, name, queues);
  const entities = datasets.map((dataset) => [
    dataset,
    {
      dataset,
      queue: `${name}.${dataset}`,
      key: 'id',
      version: version.name,
      fields: { id: 'integer', updated_at: 'datetime', [version.name]: version.type },
    },
  ]);
  const endpoints = Object.entries(incrementals).map(([entity, incremental]) => [
    entity,
    { source: 'sql', url: engine.url(), table, entity, incremental, schedule: { every: '500ms' } },
  ]);
  const pipeline = {
    name,
    entities: Object.fromEntries(entities),
    endpoints: Object.fromEntries(endpoints),
    batch: { size: 10, interval: '100ms' },
    sink: { type: 'csv', csv: { directory: output } },
  };
  const log = createLogger({ service: 'late', instance: 'late', level: process.env.LOG_LEVEL ?? 'silent' });
  const config = parsePipeline(JSON.stringify(pipeline), {}, 'late.yaml');
  const settings = { config, ...servers, log, port: 0, host: '127.0.0.1' };
  const consumer = createConsumer({ ...settings, instance: 'consumer' });
  const producer = createProducer({ ...settings, instance: 'producer', schedule: true });
  onTestFinished(async () => {
    await producer.stop();
    await consumer.stop();
  });
  await consumer.start();
  await producer.start();
  const idsIn = async (dataset: string) => (await readRows(output, dataset)).map(({ key }) => Number(key)).sort();
  return {
    session,
    insert: (id: number, by = session) => by.run(`INSERT INTO ${table} (id) VALUES (${id})`),
    idsIn,
    /** Waits until a dataset has these rows, each once. */
    has: (dataset: string, ids: readonly number[]) =>
      eventually(async () => expect(await idsIn(dataset)).toEqual(ids), 100, 60_000),
  };
}

test.each(ENGINES)(
  '$name: a smaller number that is committed after larger ones lands once, however long that takes',
  async (engine) => {
    const ignoring = { overlap: 0, openTransactions: false };
    const { insert, idsIn, has } = await follow(engine, { short: { overlap: 0 }, ignoring }, NUMBER);
    await insert(1);
    for (const dataset of ['short', 'ignoring']) await has(dataset, [1]);
    await insert(2);
    for (const dataset of ['short', 'ignoring']) await has(dataset, [1, 2]);
    const late = await engine.connect();
    await late.run('BEGIN');
    await insert(3, late);
    await insert(4);
    for (const dataset of ['short', 'ignoring']) await has(dataset, [1, 2, 4]);
    await insert(5);
    for (const dataset of ['short', 'ignoring']) await has(dataset, [1, 2, 4, 5]);
    await late.run('COMMIT');
    await insert(6);
    await has('short', [1, 2, 3, 4, 5, 6]);
    await eventually(async () => expect(await idsIn('ignoring')).toContain(6));
    expect(await idsIn('ignoring')).toEqual([1, 2, 4, 5, 6]);
  },
  300_000,
);

const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

test.each(ENGINES)(
  '$name: a row that is committed after later ones lands once, within the overlap and beyond it',
  async (engine) => {
    const ignoring = { overlap: '100ms', openTransactions: false };
    const { insert, idsIn, has } = await follow(engine, {
      long: { overlap: '1m' },
      short: { overlap: '100ms' },
      ignoring,
    });
    const late = await engine.connect();
    await late.run('BEGIN');
    await insert(1, late);
    await pause();
    await insert(2);
    for (const dataset of ['long', 'short', 'ignoring']) await has(dataset, [2]);
    // The polls that read these begin behind the row before.
    await insert(3);
    for (const dataset of ['long', 'short', 'ignoring']) await has(dataset, [2, 3]);
    await late.run('COMMIT');
    await insert(4);
    await has('long', [1, 2, 3, 4]);
    await has('short', [1, 2, 3, 4]);
    // Without a look at transactions, a row that comes later than the overlap is left out.
    await eventually(async () => expect(await idsIn('ignoring')).toContain(4));
    expect(await idsIn('ignoring')).toEqual([2, 3, 4]);
  },
  300_000,
);

test('Postgres: a row of a transaction that is prepared, and committed after later ones, lands once', async () => {
  const server = await startPrivatePostgres(sayOnConsole, { max_prepared_transactions: 5 });
  onTestFinished(() => server.stop());
  const engine = postgresAt(() => server.url);
  const { insert, has } = await follow(engine, { short: { overlap: '100ms' } });
  const late = await engine.connect();
  await late.run('BEGIN');
  await insert(1, late);
  await pause();
  await insert(2);
  await has('short', [2]);
  await late.run("PREPARE TRANSACTION 'late'");
  // Were it left open by a failure, the table could not be dropped.
  onTestFinished(() => late.run("ROLLBACK PREPARED 'late'").catch(() => {}));
  await insert(3);
  await has('short', [2, 3]);
  await insert(4);
  await has('short', [2, 3, 4]);
  await late.run("COMMIT PREPARED 'late'");
  await insert(5);
  await has('short', [1, 2, 3, 4, 5]);
}, 300_000);

test('MariaDB: a row that is committed late lands also where another program looks at the transactions all the time', async () => {
  const engine = ENGINES.find(({ name }) => name === 'MariaDB');
  if (engine === undefined) throw new Error('MariaDB is not among the engines');
  const { insert, has } = await follow(engine, { short: { overlap: '100ms' } });
  const watcher = await engine.connect();
  let isOver = false;
  // InnoDB fills this table anew only when nothing has read it for a tenth of a second.
  const watching = (async () => {
    while (!isOver) {
      await watcher.run('SELECT COUNT(*) FROM information_schema.INNODB_TRX');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    const late = await engine.connect();
    await late.run('BEGIN');
    await insert(1, late);
    await pause();
    await insert(2);
    await has('short', [2]);
    await insert(3);
    await has('short', [2, 3]);
    await late.run('COMMIT');
    await insert(4);
    await has('short', [1, 2, 3, 4]);
  } finally {
    isOver = true;
    await watching;
  }
}, 300_000);
