import { systemClock } from '@tributary/shared';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { listTables } from '../../../producer/src/operate/list.js';
import { describeSource } from '../../../producer/test/sources/conformance.js';
import { entityOf, readerOf, written } from '../../../producer/test/sources/sql/reader.js';
import { uniqueName } from '../../services/handle.js';
import { startCuttableWay } from '../cuttable-way.js';
import { bankDatabases, mariadbServer, postgresServer } from './bank.js';
import { mariadbFor, PASSWORD, postgresFor, type TestDatabase } from './databases.js';

const databases = new Map<string, TestDatabase>();

beforeAll(async () => {
  databases.set('Postgres', await postgresFor(inject('postgresUrl')));
  databases.set('MariaDB', await mariadbFor(inject('mariadbUrl')));
});

afterAll(async () => {
  for (const database of databases.values()) await database.remove();
});

const of = (name: string): TestDatabase => {
  const database = databases.get(name);
  if (database === undefined) throw new Error(`${name} was not started`);
  return database;
};

/** A table for one test. */
async function tableIn(database: TestDatabase, columns: string): Promise<string> {
  const table = uniqueName('table');
  await database.run(`CREATE TABLE ${table} (${columns})`);
  onTestFinished(() => database.run(`DROP TABLE ${table}`));
  return table;
}

/** A collation of Postgres that takes a, A and á for equal. */
async function ignoringCase(database: TestDatabase): Promise<string> {
  const collation = uniqueName('collation');
  await database.run(
    `CREATE COLLATION ${collation} (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`,
  );
  onTestFinished(() => database.run(`DROP COLLATION ${collation}`));
  return collation;
}

/** Runs a statement in a transaction that is open as long as the test. */
async function writeUntilTheEnd(url: string, statement: string): Promise<void> {
  if (url.startsWith('postgres')) {
    const client = new Client({ connectionString: url });
    // The database goes before.
    client.on('error', () => {});
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN');
    await client.query(statement);
    return;
  }
  const connection = await createConnection({ uri: url });
  onTestFinished(() => connection.end());
  await connection.query('BEGIN');
  await connection.query(statement);
}

/** Settings in which TABLE stands for a table that exists. */
interface WrongSettings {
  readonly table?: string;
  readonly query?: string;
  readonly columns?: readonly string[];
  readonly map?: object;
  readonly url?: 'WRONG PASSWORD' | 'WRONG DATABASE';
}

const CUSTOMER = { url: '', entity: 'customer', map: { updatedAt: '$.updated_at' }, chunk: 10 };

describe.each(['Postgres', 'MariaDB'])('%s', (name) => {
  describeSource(name, async () => {
    const database = of(name);
    const table = await tableIn(database, `id varchar(20) PRIMARY KEY, updated_at ${database.wall} NOT NULL`);
    const way = await startCuttableWay(database.url);
    const { endpoint, source } = readerOf({ ...CUSTOMER, url: way.url, table });
    return {
      endpoint,
      source,
      secret: PASSWORD,
      now: () => systemClock.now(),
      async put(records) {
        const written = records.map(({ id, updatedAt }) => `('${id}', '${updatedAt.slice(0, -1).replace('T', ' ')}')`);
        await database.run(`INSERT INTO ${table} VALUES ${written.join(', ')}`);
      },
      async goAway() {
        way.close();
        return async () => way.open();
      },
    };
  });

  test('reads a table by its key where there is no version, and rows of one version that fill many chunks', async () => {
    const database = of(name);
    const table = await tableIn(database, `shop int, number bigint, at ${database.wall}, PRIMARY KEY (shop, number)`);
    const rows = Array.from({ length: 45 }, (_, row) => [row % 3, (9_007_199_254_740_993n + BigInt(row)).toString()]);
    const values = rows.map(([shop, number]) => `(${shop}, ${number}, '2026-01-01 00:00:00.123456')`).join(', ');
    await database.run(`INSERT INTO ${table} VALUES ${values}`);
    const fields = { shop: 'integer', number: 'integer', at: 'datetime' };
    const expected = rows.map(([shop, number]) => `${shop} ${number}`).sort();
    for (const more of [{}, { version: 'at' }]) {
      const settings = {
        url: database.url,
        table,
        entity: 'thing',
        chunk: 4,
        ...('version' in more ? {} : { incremental: false }),
      };
      const { records } = readerOf(settings, entityOf(fields, { key: ['shop', 'number'], ...more }));
      const read = (await records()).map((one) => JSON.parse(written(one)) as Record<string, unknown>);
      expect(read.map(({ shop, number }) => `${shop} ${number}`).sort()).toEqual(expected);
    }
  });

  test('reads keys of text in the order that the database has for them', async () => {
    const database = of(name);
    const table = await tableIn(
      database,
      name === 'MariaDB' ? 'id varchar(20) CHARACTER SET utf8mb4 PRIMARY KEY' : 'id varchar(20) PRIMARY KEY',
    );
    const ids = ['a', 'B', 'c', 'D', 'é', 'ö', 'z', 'Z2', '_', '10', '9', 'x y', "o'neil", 'back\\slash', '😀'];
    const quoted = ids.map(
      (id) => `('${id.replaceAll("'", "''").replaceAll('\\', name === 'MariaDB' ? '\\\\' : '\\')}')`,
    );
    await database.run(`INSERT INTO ${table} VALUES ${quoted.join(', ')}`);
    for (const chunk of [1, 2, 4]) {
      const { records } = readerOf(
        { url: database.url, table, entity: 'thing', incremental: false, chunk },
        entityOf({ id: 'string' }),
      );
      expect((await records()).map((one) => (one as { id: string }).id).sort()).toEqual(ids.toSorted());
    }
  });

  test('leaves out no row that the collation takes for equal to the one at which a chunk ends', async () => {
    const database = of(name);
    const type =
      name === 'MariaDB' ? 'varchar(20) CHARACTER SET %s' : `varchar(20) COLLATE ${await ignoringCase(database)}`;
    const ids = ['a', 'A', 'á', 'Á', 'b', 'B'];
    for (const charset of ['utf8mb4', 'latin1']) {
      const table = await tableIn(database, `id ${type.replace('%s', charset)} NOT NULL, at ${database.wall} NOT NULL`);
      await database.run(
        `INSERT INTO ${table} VALUES ${ids.map((id) => `('${id}', '2026-01-01 00:00:00')`).join(', ')}`,
      );
      for (const more of [{}, { version: 'at' }]) {
        const settings = {
          url: database.url,
          entity: 'thing',
          chunk: 1,
          ...('version' in more ? {} : { incremental: false }),
        };
        const fields = entityOf({ id: 'string', at: 'datetime' }, more);
        for (const what of [{ table }, { query: `SELECT * FROM ${table}` }]) {
          const read = await readerOf({ ...settings, ...what }, fields).records();
          expect(read.map((one) => (one as { id: string }).id).sort()).toEqual(ids.toSorted());
        }
      }
    }
  });

  test('warns of an overlap in time where versions count', async () => {
    const database = of(name);
    const table = await tableIn(database, 'id int PRIMARY KEY, version bigint NOT NULL');
    await database.run(`INSERT INTO ${table} VALUES (1, 41), (2, 42)`);
    const told = async (overlap: unknown, versions = 'version') => {
      const query = `SELECT id, ${versions} AS version FROM ${table}`;
      const entity = entityOf({ id: 'integer', version: 'integer' }, { version: 'version' });
      const { records, doubts } = readerOf(
        { url: database.url, query, entity: 'thing', incremental: { overlap } },
        entity,
      );
      await records();
      return doubts;
    };
    expect(await told('5s')).toEqual([expect.stringMatching(/^bank: .*the version counts.* such as overlap: 1000/)]);
    expect(await told(1_000)).toEqual([]);
    expect(await told('5s', 'version + 1700000000')).toEqual([]);
  });

  test('goes on at the microsecond, and not behind rows of the same millisecond', async () => {
    const database = of(name);
    const table = await tableIn(database, `id int PRIMARY KEY, at ${database.wall} NOT NULL`);
    const values = Array.from({ length: 9 }, (_, id) => `(${9 - id}, '2026-01-01 00:00:00.12345${id}')`).join(', ');
    await database.run(`INSERT INTO ${table} VALUES ${values}`);
    const { records } = readerOf(
      { url: database.url, table, entity: 'thing', chunk: 2 },
      entityOf({ id: 'integer', at: 'datetime' }, { version: 'at' }),
    );
    expect((await records()).map((one) => (one as { id: number }).id)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await records('2026-01-01T00:00:00.123Z')).toHaveLength(9);
    expect(await records('2026-01-01T00:00:00.124Z')).toHaveLength(0);
  });

  test('reads a query, and only columns that are asked for', async () => {
    const database = of(name);
    const table = await tableIn(database, 'id int PRIMARY KEY, name varchar(20), secret varchar(20)');
    await database.run(`INSERT INTO ${table} VALUES (1, 'a', 'x'), (2, 'b', 'y')`);
    const fields = entityOf({ id: 'integer', name: 'string?' });
    const settings = { url: database.url, entity: 'thing', incremental: false };
    const query = `SELECT id, name FROM ${table} WHERE id > 1 -- all but the first`;
    expect(await readerOf({ ...settings, query }, fields).records()).toEqual([{ id: 2, name: 'b' }]);
    const { records } = readerOf({ ...settings, table, columns: ['id', 'name'] }, fields);
    expect(await records()).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]);
  });

  test('binds what a parent gives, whatever it holds, and reads on behind each chunk', async () => {
    const database = of(name);
    const table = await tableIn(
      database,
      `id bigint PRIMARY KEY, owner varchar(60) ${name === 'MariaDB' ? 'CHARACTER SET utf8mb4' : ''}, account bigint`,
    );
    const owners = ["o'neil", 'back\\slash', "x' OR '1' = '1", '?', '{{parent.id}}', 'é😀', '', '$1'];
    const quoted = (text: string) =>
      `'${text.replaceAll("'", "''").replaceAll('\\', name === 'MariaDB' ? '\\\\' : '\\')}'`;
    const rows = owners.flatMap((owner, n) => [
      `(${n * 2 + 1}, ${quoted(owner)}, 9007199254740992)`,
      `(${n * 2 + 2}, ${quoted(owner)}, 9007199254740993)`,
    ]);
    await database.run(`INSERT INTO ${table} VALUES ${rows.join(', ')}`);
    const ids = async (condition: string, parent: object) => {
      const query = `SELECT id, owner FROM ${table} WHERE '?' <> 'a?b' AND ${condition}`;
      const settings = {
        url: database.url,
        query,
        entity: 'thing',
        incremental: false,
        chunk: 1,
        parent: { endpoint: 'posts' },
      };
      const { source } = readerOf(settings, entityOf({ id: 'integer', owner: 'string?' }));
      const found: unknown[] = [];
      const asked = { variables: { parent }, validators: [], signal: new AbortController().signal };
      for await (const { records } of source.pages(asked)) found.push(...records);
      expect(found.map((record) => (record as { $parent: object }).$parent)).toEqual(found.map(() => parent));
      return found.map((record) => (record as { id: number }).id);
    };
    for (const [n, owner] of owners.entries()) {
      expect(await ids('owner = {{parent.name}}', { name: owner })).toEqual([n * 2 + 1, n * 2 + 2]);
    }
    const account = '9007199254740993';
    expect(await ids('account = {{parent.account}} AND id < {{parent.n}}', { account, n: 5 })).toEqual([2, 4]);
  });

  test('tells the largest number that was there when the run began, where versions count', async () => {
    const database = of(name);
    const table = await tableIn(database, 'id varchar(20) PRIMARY KEY, version bigint');
    const newest = async (more: object) => {
      const settings = { url: database.url, entity: 'thing', table, chunk: 2, incremental: { overlap: 10 }, ...more };
      const entity = entityOf({ id: 'string', version: 'integer' }, { version: 'version' });
      const { source } = readerOf(settings, entity);
      const told: (string | undefined)[] = [];
      for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
        told.push(page.newest);
        // What is written while the run goes on is read by it, and does not count.
        if (told.length === 1)
          await database.run(`INSERT INTO ${table} VALUES ('late ${told.length}', 9007199254740995)`);
      }
      await database.run(`DELETE FROM ${table} WHERE id LIKE 'late%'`);
      return new Set(told);
    };
    expect(await newest({})).toEqual(new Set(['']));
    await database.run(`INSERT INTO ${table} VALUES ('a', 9007199254740993), ('b', 5), ('c', NULL), ('d', 7)`);
    expect(await newest({})).toEqual(new Set(['9007199254740993']));
    expect(await newest({ incremental: { overlap: '5s' } })).toEqual(new Set([undefined]));
  });

  test('gives rows without a version first, so that each becomes a dead letter, and tells of them', async () => {
    const database = of(name);
    const table = await tableIn(database, `id int PRIMARY KEY, at ${database.wall} NULL`);
    await database.run(`INSERT INTO ${table} VALUES (1, '2026-01-01 00:00:00'), (2, NULL), (3, NULL)`);
    const { records, doubts } = readerOf(
      { url: database.url, table, entity: 'thing' },
      entityOf({ id: 'integer', at: 'datetime' }, { version: 'at' }),
    );
    expect((await records()).map((one) => (one as { id: number }).id)).toEqual([2, 3, 1]);
    expect(doubts).toEqual([expect.stringMatching(/^bank: the table \S+ of .*: 2 rows lack their version .*NOT NULL/)]);
    expect(await records('2025-01-01T00:00:00.000Z')).toHaveLength(1);
    expect(doubts.at(-1)).toMatch(/are not read until everything is read again/);
  });

  test('tells of a table without a primary key', async () => {
    const database = of(name);
    const table = await tableIn(database, 'id int NOT NULL');
    const { records, doubts } = readerOf(
      { url: database.url, table, entity: 'thing', incremental: false },
      entityOf({ id: 'integer' }),
    );
    expect(await records()).toEqual([]);
    expect(doubts).toEqual([expect.stringContaining('it has no primary key')]);
  });

  test.each<[code: string, settings: WrongSettings, words: RegExp]>([
    ['table_unknown', { table: 'no_such_table' }, /no_such_table/],
    ['column_unknown', { table: 'TABLE', columns: ['id', 'nmae'] }, /nmae/],
    ['column_unknown', { table: 'TABLE', map: { id: '$.key' } }, /no column "key".*expected one of id, n/],
    ['query_refused', { query: 'SELEKT 1' }, /SELEKT|syntax/],
    ['database_refuses', { table: 'TABLE', url: 'WRONG PASSWORD' }, /correct the user/],
    ['database_unknown', { table: 'TABLE', url: 'WRONG DATABASE' }, /name of the database/],
  ])('says with %s what a person has to change: %j', async (code, settings, words) => {
    const database = of(name);
    const table = await tableIn(database, 'id int PRIMARY KEY, n int');
    const wrong = new URL(database.url);
    if (settings.url === 'WRONG PASSWORD') wrong.password = 'wrong-password';
    if (settings.url === 'WRONG DATABASE') wrong.pathname = '/no_such_database';
    // Where the server trusts every client of this machine, no password is wrong; an unknown user is.
    if (settings.url === 'WRONG PASSWORD') wrong.username = 'no_such_user';
    const { records } = readerOf(
      {
        ...settings,
        ...(settings.table === 'TABLE' ? { table } : {}),
        url: wrong.href,
        entity: 'thing',
        incremental: false,
      },
      entityOf({ id: 'integer' }),
    );
    const error = await records().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const expected =
      name === 'MariaDB' && code === 'database_unknown' ? ['database_unknown', 'database_forbids'] : [code];
    expect(expected).toContain((error as { code?: string }).code);
    expect(error).toMatchObject({ name: 'FatalError' });
    if (expected.length === 1) expect(String(error)).toMatch(words);
    expect(String(error)).toMatch(/bank: the (table|query)/);
    expect(String(error)).not.toContain('wrong-password');
  });

  test('cannot write, whatever the query says, and stops a statement that takes too long', async () => {
    const database = of(name);
    const slow = name === 'Postgres' ? 'SELECT 1 AS id FROM pg_sleep(60)' : 'SELECT SLEEP(60) AS id';
    const settings = { url: database.url, entity: 'thing', incremental: false };
    const { records, retries } = readerOf(
      { ...settings, query: slow, timeout: '1s', retries: 0 },
      entityOf({ id: 'integer' }),
    );
    await expect(records()).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('no rows within 1000 ms'),
    });
    expect(retries).toEqual([]);
    if (name !== 'Postgres') return;
    const numbers = uniqueName('numbers');
    await database.run(`CREATE SEQUENCE ${numbers}`, `GRANT USAGE ON SEQUENCE ${numbers} TO PUBLIC`);
    onTestFinished(() => database.run(`DROP SEQUENCE ${numbers}`));
    const writes = readerOf({ ...settings, query: `SELECT nextval('${numbers}') AS id` }, entityOf({ id: 'integer' }));
    await expect(writes.records()).rejects.toMatchObject({ code: 'query_writes' });
  });

  test('tells that it may not see which transactions are open, unless the settings say how long they last', async () => {
    const server = name === 'MariaDB' ? mariadbServer(inject('mariadbUrl')) : postgresServer(inject('postgresUrl'));
    const [bank] = await bankDatabases(server, 1, 8);
    if (bank === undefined) throw new Error('there is no database');
    await bank.run(...bank.table('bookings').split('; '));
    await writeUntilTheEnd(bank.owner, "INSERT INTO bookings (id, account, amount) VALUES (1, 'a', 1)");
    const told = async (incremental: object) => {
      const settings = { url: bank.url, table: 'bookings', entity: 'thing', incremental, map: { at: '$.updated_at' } };
      const { records, doubts } = readerOf(settings, entityOf({ id: 'integer', at: 'datetime' }, { version: 'at' }));
      for (let poll = 0; poll < 2; poll++) expect(await records()).toEqual([]);
      return doubts;
    };
    expect(await told({})).toEqual([expect.stringMatching(/may not see which transactions are open.*GRANT/)]);
    expect(await told({ overlap: '1m' })).toEqual([]);
    expect(await told({ openTransactions: false })).toEqual([]);
  });

  test('describes what it reads', async () => {
    const database = of(name);
    const table = await tableIn(database, `id int PRIMARY KEY, name varchar(20), updated_at ${database.wall} NOT NULL`);
    const { source } = readerOf({ ...CUSTOMER, url: database.url, table, map: { updatedAt: '$.updated_at' } });
    const lines: string[] = [];
    await listTables({ url: database.url, table, write: (text) => void lines.push(text) });
    const listed = lines.join('');
    expect(listed.startsWith(table)).toBe(true);
    expect(listed).toMatch(
      / {2}id: int.*, of the key, not null\n {2}name: .*\n {2}updated_at: .*, not null\n {2}key: id\n {2}version: updated_at\n/,
    );
    const { key, columns, name: told } = (await source.describe?.(new AbortController().signal)) ?? {};
    expect(told).toBe(`the table ${table}`);
    expect(key).toEqual(['id']);
    expect(columns?.map(({ name: column, nullable }) => [column, nullable])).toEqual([
      ['id', false],
      ['name', true],
      ['updated_at', false],
    ]);
  });
});

test('Postgres: every type in a raw record is exact', async () => {
  const database = of('Postgres');
  const columns = `id int PRIMARY KEY, big bigint, dec numeric, wide numeric(40, 10), real4 real, double8 double precision, yes boolean,
    moment timestamptz, wall timestamp, day date, clock time, bytes bytea, doc jsonb, tags text[], sums bigint[], mark uuid, span interval`;
  const table = await tableIn(database, columns);
  await database.run(
    `INSERT INTO ${table} VALUES
    (1, 9007199254740993, 12345678901234567890.123456789, 123456789012345678901234567890.0123456789, 0.1, 0.1, true,
     '2026-03-29 01:30:00.123456+02', '2026-03-29 02:30:00.123456', '2026-02-28', '12:34:56.789', '\\x00ff',
     '{"n": 12345678901234567890.5}', ARRAY['a', NULL, 'b,"c'], ARRAY[9007199254740993, 1],
     '00000000-0000-0000-0000-000000000001', '1 day 02:03:04'),
    (2, NULL, 'NaN', NULL, 'NaN', 'Infinity', false, 'infinity', '-infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  );
  const { records } = readerOf(
    { url: database.url, table, entity: 'thing', incremental: false },
    entityOf({ id: 'integer' }),
  );
  const [one, two] = await records();
  const told = written(one);
  expect(told).toContain('"n":12345678901234567890.5');
  expect({ ...(JSON.parse(told) as object), doc: undefined }).toEqual({
    id: 1,
    big: '9007199254740993',
    dec: '12345678901234567890.123456789',
    wide: '123456789012345678901234567890.0123456789',
    real4: 0.1,
    double8: 0.1,
    yes: true,
    moment: '2026-03-28 23:30:00.123456+00',
    wall: '2026-03-29 02:30:00.123456',
    day: '2026-02-28',
    clock: '12:34:56.789',
    bytes: 'AP8=',
    doc: undefined,
    tags: ['a', null, 'b,"c'],
    sums: ['9007199254740993', 1],
    mark: '00000000-0000-0000-0000-000000000001',
    span: 'P1DT2H3M4S',
  });
  expect(two).toMatchObject({
    id: 2,
    dec: 'NaN',
    real4: 'NaN',
    double8: 'Infinity',
    yes: false,
    moment: 'infinity',
    wall: '-infinity',
  });
});

test('MariaDB: every type in a raw record is exact', async () => {
  const database = of('MariaDB');
  const columns = `id int PRIMARY KEY, big bigint unsigned, dec_ decimal(40, 10), single_ float, double8 double, yes tinyint(1), bit1 bit(1),
    moment timestamp(6) NULL, wall datetime(6), day date, clock time(3), bytes varbinary(10), blob_ blob, text_ text, doc json,
    kind enum('a', 'b'), kinds set('x', 'y'), year_ year`;
  const table = await tableIn(database, columns);
  await database.run(
    "SET time_zone = '+02:00'",
    "SET sql_mode = 'ALLOW_INVALID_DATES'",
    `INSERT INTO ${table} VALUES (1, 18446744073709551615, 123456789012345678901234567890.0123456789, 0.5, 0.1, 1, b'1',
      '2026-03-29 01:30:00.123456', '2026-03-29 02:30:00.123456', '2026-02-28', '12:34:56.789', x'00ff', x'c3a4', 'ä', '{"n": 1}', 'b', 'x,y', 2026),
    (2, NULL, NULL, NULL, NULL, 0, b'0', NULL, '0000-00-00 00:00:00', '0000-00-00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  );
  const { records } = readerOf(
    { url: database.url, table, entity: 'thing', incremental: false },
    entityOf({ id: 'integer', yes: 'boolean?', bit1: 'boolean?', doc: 'json?' }),
  );
  const [one, two] = await records();
  expect(JSON.parse(written(one))).toEqual({
    id: 1,
    big: '18446744073709551615',
    dec_: '123456789012345678901234567890.0123456789',
    single_: 0.5,
    double8: 0.1,
    yes: true,
    bit1: true,
    moment: '2026-03-28 23:30:00.123456',
    wall: '2026-03-29 02:30:00.123456',
    day: '2026-02-28',
    clock: '12:34:56.789',
    bytes: 'AP8=',
    blob_: 'w6Q=',
    text_: 'ä',
    doc: { n: 1 },
    kind: 'b',
    kinds: 'x,y',
    year_: 2026,
  });
  expect(two).toMatchObject({ id: 2, yes: false, bit1: false, wall: '0000-00-00 00:00:00.000000', day: '0000-00-00' });
});

test('MariaDB: a key that is sorted in one way and compared in another is refused in words', async () => {
  const database = of('MariaDB');
  const table = await tableIn(database, "kind enum('b', 'a') NOT NULL, id int NOT NULL, PRIMARY KEY (kind, id)");
  const fields = entityOf({ id: 'integer', kind: 'string' }, { key: ['kind', 'id'] });
  const settings = { url: database.url, entity: 'thing', incremental: false };
  await expect(readerOf({ ...settings, table }, fields).records()).rejects.toMatchObject({
    code: 'key_unsorted',
    message: expect.stringContaining('"kind" of the type enum'),
  });
  const query = `SELECT CAST(kind AS CHAR) AS kind, id FROM ${table}`;
  expect(await readerOf({ ...settings, query }, fields).records()).toEqual([]);
});

/** Each row of a table as it is published, by its id; what its fields would refuse is left as the database writes it. */
async function rowsIn(database: TestDatabase, table: string, fields: object = {}) {
  const { records, doubts } = readerOf(
    { url: database.url, table, incremental: false, chunk: 1 },
    entityOf({ id: 'integer', ...fields }),
  );
  const rows = (await records()).map((one) => JSON.parse(written(one)) as Record<string, unknown>);
  expect(doubts).toEqual([]);
  return rows.map(({ id: _id, ...row }) => row);
}

test('Postgres: dates beyond the calendar, intervals, ranges, money and lists of lists are exact, or stay as they are written', async () => {
  const database = of('Postgres');
  const table = await tableIn(
    database,
    `id int PRIMARY KEY, day date, moment timestamptz, wall timestamp, span interval, clock timetz, range_ int4range, spans numrange,
     cost money, grid int[], names text[], bits bit(9), net cidr, point_ point, oid_ oid`,
  );
  await database.run(
    `INSERT INTO ${table} VALUES
      (1, '0001-01-01', '0001-01-01 00:00:00+00', '0044-03-15 12:00 BC', '-1 year 2 mons -3 days 04:05:06.789', '23:59:60+14', '[1,10)', '(,5.50]',
       '1234.50', '{{1,2},{3,NULL}}', '{{"a,b","c\\"d"}}', B'100000001', '10.0.0.0/8', '(1.5,-2)', 4294967295),
      (2, '5874897-12-31', '294276-12-31 23:59:59.999999+00', 'infinity', '0', NULL, 'empty', 'empty', '-0.01', '[0:1]={7,8}', '{}', NULL, NULL, NULL, 0)`,
  );
  const [one, two] = await rowsIn(database, table);
  expect(one).toMatchObject({
    day: '0001-01-01',
    moment: '0001-01-01 00:00:00+00',
    wall: '0044-03-15 12:00:00 BC',
    range_: '[1,10)',
    spans: '(,5.50]',
    cost: expect.stringContaining('1,234.50'),
    grid: [
      [1, 2],
      [3, null],
    ],
    names: [['a,b', 'c"d']],
    bits: '100000001',
    net: '10.0.0.0/8',
    point_: '(1.5,-2)',
    oid_: 4_294_967_295,
  });
  expect(two).toMatchObject({
    day: '5874897-12-31',
    moment: '294276-12-31 23:59:59.999999+00',
    wall: 'infinity',
    range_: 'empty',
    cost: expect.stringContaining('0.01'),
    grid: [7, 8],
    names: [],
  });
});

test('MariaDB: times of more than a day, bits, geometry and invalid text are exact, or stay as they are written', async () => {
  const database = of('MariaDB');
  const table = await tableIn(
    database,
    'id int PRIMARY KEY, span time(6), bits bit(64), year_ year, shape point, signed_ bigint, tiny tinyint, text_ varchar(20) CHARACTER SET latin1, neg decimal(5, 2)',
  );
  await database.run(
    `INSERT INTO ${table} VALUES
      (1, '838:59:59.000000', b'1111111111111111111111111111111111111111111111111111111111111111', 1901, ST_GeomFromText('POINT(1 2)'), -9223372036854775808, -128, x'e4', -0.10),
      (2, '-838:59:59', b'0', 0, NULL, 9223372036854775807, 2, '', NULL)`,
  );
  const [one, two] = await rowsIn(database, table, { tiny: 'boolean?' });
  expect(one).toMatchObject({
    span: '838:59:59.000000',
    bits: '18446744073709551615',
    year_: 1901,
    signed_: '-9223372036854775808',
    text_: 'ä',
    neg: '-0.10',
    // No boolean: the consumer names it.
    tiny: -128,
  });
  expect(Buffer.from(String(one?.shape), 'base64')).toHaveLength(25);
  expect(two).toMatchObject({
    span: '-838:59:59.000000',
    bits: 0,
    year_: 0,
    shape: null,
    signed_: '9223372036854775807',
    tiny: 2,
  });
});
