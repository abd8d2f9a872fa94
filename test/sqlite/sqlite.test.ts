import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { stringifyJson, systemClock } from '@tributary/shared';
import { expect, onTestFinished, test } from 'vitest';
import { listTables } from '../../producer/src/operate/list.js';
import { describeSource } from '../../producer/test/sources/conformance.js';
import { entityOf, readerOf } from '../../producer/test/sources/sql/reader.js';

interface Writable {
  exec(text: string): void;
  prepare(text: string): { run(...values: readonly unknown[]): unknown };
  close(): void;
}

// Vite does not know this module, and takes it for a package.
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
  DatabaseSync: new (path: string) => Writable;
};

const CLI = fileURLToPath(new URL('../../tributary/dist/cli/main.js', import.meta.url));

function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file with tables. */
function fileWith(...statements: readonly string[]) {
  const path = join(folderForTest(), 'bank of süd.db');
  const database = new DatabaseSync(path);
  onTestFinished(() => database.close());
  for (const statement of statements) database.exec(statement);
  return { path, database, url: `sqlite://${encodeURI(path)}` };
}

const idsOf = (records: readonly unknown[]) => records.map((record) => (record as { id: unknown }).id);

describeSource('SQLite', async () => {
  const { url, database } = fileWith('CREATE TABLE customers (id TEXT PRIMARY KEY, updated_at TEXT NOT NULL)');
  const settings = { url, table: 'customers', entity: 'customer', map: { updatedAt: '$.updated_at' }, chunk: 10 };
  const { endpoint, source } = readerOf({ ...settings, timeout: '5s' });
  const put = database.prepare('INSERT OR REPLACE INTO customers VALUES (?, ?)');
  return {
    endpoint,
    source,
    secret: 'a file has no password',
    now: () => systemClock.now(),
    async put(records) {
      for (const { id, updatedAt } of records) put.run(id, updatedAt);
    },
    async goAway() {
      // Another program holds the file for itself.
      database.exec('BEGIN EXCLUSIVE');
      return async () => database.exec('COMMIT');
    },
  };
});

test('gives every type exactly', async () => {
  const { url } = fileWith(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, big INTEGER, real8 REAL, text_ TEXT, bytes BLOB, yes BOOLEAN, doc JSON, any_)',
    `INSERT INTO t VALUES (1, 9007199254740993, 0.1, '0012', x'00ff', 1, '{"n": 12345678901234567890.5}', '0012'),
      (2, NULL, 9e999, 'ä😀', NULL, 0, NULL, 3), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  );
  const fields = entityOf({ id: 'integer', yes: 'boolean?', doc: 'json?' });
  const [one, two] = await readerOf({ url, table: 't', incremental: false }, fields).records();
  expect(stringifyJson(one)).toBe(
    '{"id":1,"big":"9007199254740993","real8":0.1,"text_":"0012","bytes":"AP8=","yes":true,"doc":{"n":12345678901234567890.5},"any_":"0012"}',
  );
  expect(two).toMatchObject({ id: 2, real8: 'Infinity', text_: 'ä😀', yes: false, any_: 3 });
});

test.each([
  ['text with a T and a Z', (second: number) => `'2026-01-01T00:00:0${second}Z'`, 'TEXT', {}],
  ['text with a blank', (second: number) => `'2026-01-01 00:00:0${second}'`, 'DATETIME', {}],
  ['text of an expression', (second: number) => `'2026-01-01 00:00:0${second}.000'`, '', {}],
  ['seconds since 1970', (second: number) => `${1_767_225_600 + second}`, 'INTEGER', { unit: 's' }],
  [
    'seconds since 1970, in a column of times',
    (second: number) => `${1_767_225_600 + second}`,
    'TIMESTAMP',
    { unit: 's' },
  ],
])('goes on at the same moment where times are %s', async (_what, written, type, more) => {
  const { url, database } = fileWith(`CREATE TABLE t (id INTEGER PRIMARY KEY, at ${type})`);
  const entity = entityOf({ id: 'integer', at: { type: 'datetime', ...more } }, { version: 'at' });
  const { records } = readerOf({ url, table: 't', chunk: 2 }, entity);
  // What is known of an empty table is no more than the names of its types.
  expect(await records()).toEqual([]);
  for (let second = 0; second < 9; second++) database.exec(`INSERT INTO t VALUES (${9 - second}, ${written(second)})`);
  expect(idsOf(await records())).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(await readerOf({ url, table: 't', chunk: 2 }, entity).records('2026-01-01T00:00:05.000Z')).toHaveLength(4);
  // What was known of the empty table holds no more.
  expect(await records('2026-01-01T00:00:05.000Z')).toHaveLength(4);
  expect(await records('2026-01-02T00:00:00.000Z')).toEqual([]);
});

test('reads rows of one version that fill many chunks, and rows that a collation takes for equal', async () => {
  const { url } = fileWith(
    'CREATE TABLE t (id TEXT COLLATE NOCASE, version INTEGER NOT NULL)',
    `INSERT INTO t VALUES ${['a', 'A', 'b', 'B', 'c', 'C'].map((id) => `('${id}', 9007199254740993)`).join(', ')}`,
  );
  const entity = entityOf({ id: 'string', version: 'integer' }, { version: 'version' });
  for (const chunk of [1, 2, 4]) {
    const { records } = readerOf({ url, table: 't', chunk, incremental: { overlap: 0 } }, entity);
    expect(idsOf(await records()).sort()).toEqual(['A', 'B', 'C', 'a', 'b', 'c']);
    expect(idsOf(await records('9007199254740993'))).toHaveLength(6);
    expect(idsOf(await records('9007199254740994'))).toEqual([]);
  }
});

test.each([
  ['table_unknown', { table: 'none' }, /no such table/],
  ['column_unknown', { table: 't', columns: ['id', 'nmae'] }, /nmae/],
  ['query_refused', { query: 'SELEKT 1' }, /syntax/],
  ['database_unknown', { table: 't', url: 'sqlite:///no/such/file.db' }, /correct the path/],
])('says with %s what a person has to change', async (code, settings, words) => {
  const { url } = fileWith('CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const { records } = readerOf({ url, incremental: false, ...settings }, entityOf({ id: 'integer' }));
  await expect(records()).rejects.toMatchObject({ name: 'FatalError', code, message: expect.stringMatching(words) });
});

test('says that a file is no database, and one that may not be read', async () => {
  const path = join(folderForTest(), 'notes.txt');
  writeFileSync(path, 'these are notes, and no database at all\n'.repeat(100));
  const { records } = readerOf(
    { url: `sqlite://${path}`, table: 't', incremental: false },
    entityOf({ id: 'integer' }),
  );
  await expect(records()).rejects.toMatchObject({ code: 'database_unknown' });
});

/** It takes seconds, and no longer: a thread that is given up runs on until its statement ends. */
const SLOW =
  'WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 20000000) SELECT max(id) AS id FROM n';

test('gives up a statement that takes too long, and one that is not wanted any more, while others go on', async () => {
  const { url } = fileWith('CREATE TABLE t (id INTEGER PRIMARY KEY)', 'INSERT INTO t VALUES (1)');
  const settings = {
    url,
    query: SLOW,
    incremental: false,
    retries: 0,
  };
  const { records } = readerOf({ ...settings, timeout: '500ms' }, entityOf({ id: 'integer' }));
  await expect(records()).rejects.toMatchObject({ code: 'timeout' });
  const stop = new AbortController();
  const stopped = readerOf({ ...settings, timeout: '1m' }, entityOf({ id: 'integer' })).records(undefined, stop.signal);
  setTimeout(() => stop.abort(new Error('that is enough')), 200);
  await expect(stopped).rejects.toThrow('that is enough');
  expect(await readerOf({ url, table: 't', incremental: false }, entityOf({ id: 'integer' })).records()).toEqual([
    { id: 1 },
  ]);
});

test('cannot write', async () => {
  const { url } = fileWith('CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const query = 'SELECT 1 AS id) q; DELETE FROM t; SELECT * FROM (SELECT 1 AS id';
  await readerOf({ url, query, incremental: false }, entityOf({ id: 'integer' }))
    .records()
    .catch(() => {});
  const lines: string[] = [];
  await listTables({ url, table: 't', write: (text) => void lines.push(text) });
  expect(lines.join('')).toBe(
    't\n  id: integer, of the key, not null\n  key: id\n  version: none that its name tells\n\n',
  );
});

test('follows a file that other programs write to, and that is read while they do', async () => {
  const { url, path, database } = fileWith('PRAGMA journal_mode = WAL', 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const { records } = readerOf({ url, table: 't', incremental: false }, entityOf({ id: 'integer' }));
  expect(await records()).toEqual([]);
  database.exec('INSERT INTO t VALUES (1)');
  expect(await records()).toEqual([{ id: 1 }]);
  expect(existsSync(path)).toBe(true);
});

test('start --once brings a table of a file into CSV', async () => {
  const { url } = fileWith(
    'CREATE TABLE bookings (id INTEGER PRIMARY KEY, amount NUMERIC, booked TEXT NOT NULL)',
    `INSERT INTO bookings VALUES ${Array.from({ length: 300 }, (_, id) => `(${id}, ${id}.25, '2026-01-01T00:00:00Z')`).join(', ')}`,
  );
  const folder = folderForTest();
  const pipeline = {
    entities: {
      booking: {
        dataset: 'bookings',
        queue: 'bookings',
        key: 'id',
        version: 'booked',
        fields: { id: 'integer', amount: 'decimal', booked: 'datetime' },
      },
    },
    endpoints: {
      bookings: { source: 'sql', url, table: 'bookings', entity: 'booking', schedule: { every: '1h' }, chunk: 100 },
    },
    sink: { type: 'csv', csv: { directory: join(folder, 'out') } },
  };
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(file, JSON.stringify(pipeline));
  const { PATH = '', HOME = '' } = process.env;
  const { stderr } = await promisify(execFile)(process.execPath, [CLI, 'start', '--once', '--config', file], {
    cwd: folder,
    env: { PATH, HOME, TMPDIR: folder },
  });
  expect(stderr).not.toContain('ExperimentalWarning');
  const parts = readdirSync(join(folder, 'out', 'bookings')).filter((name) => name.endsWith('.csv'));
  const lines = parts.flatMap((name) =>
    readFileSync(join(folder, 'out', 'bookings', name), 'utf8')
      .trim()
      .split('\n')
      .slice(1),
  );
  expect(lines).toHaveLength(300);
  expect(lines.some((line) => line.startsWith('299,299.25,2026-01-01T00:00:00'))).toBe(true);
});
