import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Session } from '../../../producer/src/sources/postgres-changes/session.js';
import { entityOf, readerOf } from '../../../producer/test/sources/sql/reader.js';
import { type PrivateService, uniqueName } from '../../services/handle.js';
import { type PrivatePostgresPair, startPrivatePostgres, startPrivatePostgresPair } from '../../services/postgres.js';
import { startCuttableWay } from '../cuttable-way.js';
import { followerOf, runOn, sharedPostgres } from './followed.js';

/** For machines that are busy. */
const PATIENCE = { timeout: 60_000, interval: 50 };

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

const followed = (url: string, name: string) =>
  followerOf({ things: { url, table: name, slot: name, entity: 'thing', chunk: 10 } }, { entities });

const rowsOf = async (url: string, name: string) => {
  const rows = await runOn(url, `SELECT id, name FROM ${name} ORDER BY id`);
  return Object.fromEntries(rows.map((row) => [String(row.id), row]));
};

const failure = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a server that does not write what is needed', () => {
  let server: PrivateService;
  beforeAll(async () => {
    server = await startPrivatePostgres(undefined, { wal_level: 'replica', max_wal_senders: 2 });
  });
  afterAll(() => server.stop());

  test('is told with the setting that has to be changed, and nothing is made there', async () => {
    const name = uniqueName('plain');
    await runOn(server.url, `CREATE TABLE ${name} (id int PRIMARY KEY, name text)`);
    const { open, doubts } = followed(server.url, name);
    await open().source.describe?.(new AbortController().signal);
    expect(doubts).toEqual([expect.stringContaining('ALTER SYSTEM SET wal_level = logical')]);
    expect(await failure(open().run())).toMatchObject({
      name: 'FatalError',
      code: 'wal_level',
      message: expect.stringMatching(/wal_level is replica\. Set wal_level = logical .* restart/),
    });
    expect(
      await runOn(server.url, 'SELECT 1 FROM pg_publication UNION ALL SELECT 1 FROM pg_replication_slots'),
    ).toEqual([]);
  });
});

describe('what try tells before the first start', () => {
  const server = sharedPostgres();

  /** What is told to the user of a URL who tries an endpoint. */
  async function toldTo(user: string, table: string, slot: string) {
    const url = new URL(server.url);
    url.username = user;
    const { open, doubts } = followerOf({ things: { url: url.href, table, slot, entity: 'thing' } }, { entities });
    const described = open().source.describe?.(new AbortController().signal);
    return { name: (await described)?.name, doubts };
  }

  /** The statements in what is told, without what another server needs. */
  const statementsIn = (doubts: readonly string[]) =>
    doubts.map(
      (doubt) =>
        /(?:: |run: )((?:ALTER|GRANT|CREATE) [^:]*?)(?: \(on RDS.*| \(…\).*|, and restart.*)?$/.exec(doubt)?.[1] ??
        doubt,
    );

  test('names each right that is missing, with a statement that gives it, and makes nothing', async () => {
    const [user, schema] = [uniqueName('Follower'), uniqueName('Sales')];
    const [table, slot] = [`${schema}.orders`, uniqueName('slot')];
    await server.run(
      `CREATE ROLE "${user}" LOGIN`,
      `CREATE SCHEMA "${schema}"`,
      `CREATE TABLE "${schema}".orders (id int PRIMARY KEY, name text)`,
      `ALTER TABLE "${schema}".orders ENABLE ROW LEVEL SECURITY`,
      `GRANT USAGE ON SCHEMA "${schema}" TO "${user}"`,
    );
    onTestFinished(async () => {
      await server.run(
        `DROP PUBLICATION IF EXISTS ${slot}`,
        `DROP SCHEMA "${schema}" CASCADE`,
        `DROP OWNED BY "${user}"`,
        `DROP ROLE "${user}"`,
      );
    });
    const { doubts, name } = await toldTo(user, table, slot);
    expect(name).toBe(`the table ${table}`);
    expect(doubts).toEqual([
      expect.stringMatching(/may not replicate: ALTER ROLE "Follower.*" REPLICATION/),
      expect.stringMatching(/may not read Sales.*\.orders: GRANT SELECT ON "Sales.*"\."orders" TO "Follower/),
      expect.stringMatching(/a policy hides rows of Sales.*: ALTER ROLE "Follower.*" BYPASSRLS/),
      expect.stringMatching(/publication "slot.*" is not there, .* owner of the tables run: CREATE PUBLICATION "slot/),
    ]);
    expect(await server.run('SELECT 1 FROM pg_publication UNION ALL SELECT 1 FROM pg_replication_slots')).toEqual([]);
    await server.run(...statementsIn(doubts));
    expect((await toldTo(user, table, slot)).doubts).toEqual([]);
    await server.run(`ALTER PUBLICATION ${slot} DROP TABLE "${schema}".orders`);
    const lacking = (await toldTo(user, table, slot)).doubts;
    expect(lacking).toEqual([expect.stringMatching(/lacks Sales.*\.orders.*run: ALTER PUBLICATION .* ADD TABLE/)]);
    await server.run(...statementsIn(lacking), `ALTER PUBLICATION ${slot} SET (publish = 'insert')`);
    const incomplete = (await toldTo(user, table, slot)).doubts;
    expect(incomplete).toEqual([expect.stringMatching(/leaves out update, delete, truncate: ALTER PUBLICATION/)]);
    await server.run(...statementsIn(incomplete), `ALTER TABLE "${schema}".orders DROP CONSTRAINT orders_pkey`);
    expect((await toldTo(user, table, slot)).doubts).toEqual([
      expect.stringMatching(/has no primary key.*REPLICA IDENTITY FULL/),
    ]);
  });

  test('tells the owner of the tables nothing: what is missing is made at the first start', async () => {
    const table = uniqueName('own');
    await server.run(`CREATE TABLE ${table} (id int PRIMARY KEY, name text)`);
    onTestFinished(async () => void (await server.run(`DROP TABLE ${table}`)));
    expect(await toldTo(new URL(server.url).username, table, table)).toEqual({
      name: `the table ${table}`,
      doubts: [],
    });
  });
});

describe('a server with one slot and one sender, which throws its log away early', () => {
  const server = sharedPostgres({
    max_replication_slots: 1,
    max_wal_senders: 1,
    max_slot_wal_keep_size: '1MB',
    min_wal_size: '32MB',
    max_wal_size: '32MB',
  });

  /** A table that is followed. */
  async function table() {
    const name = uniqueName('scarce');
    await server.run(
      `CREATE TABLE ${name} (id int PRIMARY KEY, name text)`,
      `INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 15) n`,
    );
    onTestFinished(() => server.dropSlots(name));
    return { name, ...followed(server.url, name) };
  }

  test('where all slots are in use, that is told, and the next run goes on once one is free', async () => {
    const { name, open, landing, doubts } = await table();
    await server.run(`SELECT pg_create_physical_replication_slot('another')`);
    const producer = open();
    await producer.source.describe?.(new AbortController().signal);
    expect(doubts).toEqual([
      expect.stringMatching(/all 1 replication slots of the server are in use: ALTER SYSTEM SET/),
    ]);
    expect(await failure(producer.run())).toMatchObject({
      code: 'no_free_slot',
      message: expect.stringMatching(/no free replication slot: raise max_replication_slots, or drop slots/),
    });
    await server.run(`SELECT pg_drop_replication_slot('another')`);
    await producer.run();
    expect(landing.rows('thing')).toEqual(await rowsOf(server.url, name));
  });

  test('where all senders are in use, that is told, and the next run goes on once one is free', async () => {
    const { name, open, landing } = await table();
    // The sender of the test before may still be ending.
    const options = { url: server.url, connectTimeout: 60_000, timeout: 60_000, isReplication: true };
    const other = await vi.waitFor(() => Session.open(options), PATIENCE);
    onTestFinished(() => other.close());
    const producer = open();
    const error = await failure(producer.run());
    expect(error).toMatchObject({
      code: 'no_free_connection',
      message: expect.stringMatching(/max_wal_senders.*raise max_wal_senders/),
    });
    await other.close();
    await vi.waitFor(() => producer.run(), PATIENCE);
    expect(landing.rows('thing')).toEqual(await rowsOf(server.url, name));
  });

  test('where the log of the slot was thrown away, that is told, and all is copied again', async () => {
    const { name, open, landing, news } = await table();
    const first = open();
    await first.run();
    first.stop();
    await server.run(`DELETE FROM ${name} WHERE id = 3`, `UPDATE ${name} SET name = 'changed' WHERE id = 4`);
    await vi.waitFor(
      async () => {
        await server.run(
          `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL`,
          `INSERT INTO ${name} VALUES (50, 'for the log')`,
          `DELETE FROM ${name} WHERE id = 50`,
          'SELECT pg_switch_wal()',
          'CHECKPOINT',
        );
        expect(await server.run('SELECT wal_status FROM pg_replication_slots')).toEqual([{ wal_status: 'lost' }]);
      },
      { timeout: 60_000, interval: 50 },
    );
    await open().run();
    expect(news).toContainEqual(
      expect.stringMatching(
        /thrown away the log .* max_slot_wal_keep_size: a new slot is made, and all tables are copied/,
      ),
    );
    expect(landing.rows('thing')).toEqual(await rowsOf(server.url, name));
    expect(landing.history('thing', '3')).toEqual([{ id: 3, name: 'row 3' }, null]);
  });
});

describe('a primary with a standby', () => {
  let pair: PrivatePostgresPair;
  beforeAll(async () => {
    pair = await startPrivatePostgresPair(undefined, { wal_level: 'logical', max_replication_slots: 4 });
  }, 240_000);
  afterAll(async () => {
    await pair.standby.stop();
    await pair.primary.stop();
  });

  test('a standby is read, and tells that late commits may be left out, unless the overlap is given', async () => {
    const { primary, standby } = pair;
    const table = uniqueName('read');
    await runOn(
      primary.url,
      `CREATE TABLE ${table} (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
      `INSERT INTO ${table} VALUES (1)`,
    );
    await vi.waitFor(async () => expect(await runOn(standby.url, `SELECT id FROM ${table}`)).toHaveLength(1), PATIENCE);
    const told = async (url: string, incremental: object) => {
      const entity = entityOf({ id: 'integer', at: 'datetime' }, { version: 'at' });
      const { records, doubts } = readerOf({ url, table, incremental }, entity);
      for (let poll = 0; poll < 2; poll++) expect(await records()).toHaveLength(1);
      return doubts;
    };
    const warning = expect.stringMatching(
      /a standby \(pg_is_in_recovery\), and does not show which transactions .*5000 ms.*set overlap/,
    );
    expect(await told(standby.url, {})).toEqual([warning]);
    expect(await told(standby.url, { overlap: '1m' })).toEqual([]);
    expect(await told(primary.url, {})).toEqual([]);
  });

  test('a standby is waited for; once it is promoted, without the slot and without the last changes, all is copied again', async () => {
    const { primary, standby } = pair;
    const way = await startCuttableWay(primary.url);
    const name = uniqueName('promoted');
    await runOn(
      primary.url,
      `CREATE TABLE ${name} (id int PRIMARY KEY, name text)`,
      `INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 15) n`,
    );
    const { open, landing, news } = followed(way.url, name);
    const producer = open();
    await producer.run();
    await vi.waitFor(async () => expect(Object.keys(await rowsOf(standby.url, name))).toHaveLength(15), PATIENCE);
    await standby.down();
    await runOn(
      primary.url,
      `INSERT INTO ${name} VALUES (16, 'lost with the primary')`,
      `UPDATE ${name} SET name = 'lost too' WHERE id = 2`,
      `DELETE FROM ${name} WHERE id = 3`,
    );
    await producer.run();
    expect(landing.rows('thing')).toEqual(await rowsOf(primary.url, name));
    await primary.down();
    await standby.up();
    way.leadTo(standby.url);
    expect(await failure(producer.run())).toMatchObject({ code: 'database_standby' });
    await runOn(standby.url, 'SELECT pg_promote()');
    await runOn(
      standby.url,
      `UPDATE ${name} SET name = 'changed there' WHERE id = 4`,
      `INSERT INTO ${name} VALUES (20, 'new there')`,
      `DELETE FROM ${name} WHERE id = 5`,
    );
    await producer.run();
    expect(news).toContainEqual(
      expect.stringMatching(/was promoted or restored \(timeline 2, before 1\).* all tables are copied again/),
    );
    expect(landing.rows('thing')).toEqual(await rowsOf(standby.url, name));
    await runOn(standby.url, `UPDATE ${name} SET name = 'streamed again' WHERE id = 4`);
    await producer.run();
    expect(landing.rows('thing')).toEqual(await rowsOf(standby.url, name));
  });
});
