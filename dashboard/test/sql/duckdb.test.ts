import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createReader } from '../../src/data/readers/create.js';
import type { DatasetReader } from '../../src/data/readers/port.js';
import { createSqlEngine } from '../../src/sql/engine.js';
import type { Cell, SqlEngine, SqlQuestion } from '../../src/sql/port.js';
import { appendRows, sampleConfig, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TIME = 120_000;

describe('SQL over the CSV sink', { timeout: TIME }, () => {
  let folder: string;
  let reader: DatasetReader;
  let engine: SqlEngine;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sql-'));
    await writePart(folder, [
      {
        key: 'a',
        at: 1,
        values: { name: 'Anna', spent: 1.5, balance: '10.25', points: 9007199254740993n, active: true },
      },
      { key: 'b', at: 2, values: { name: '=1+1', balance: '3.5', points: 7, lines: [{ sku: 'x', quantity: 2 }] } },
      {
        key: 'a',
        at: 3,
        values: { name: 'Anna B', spent: 2.5, balance: '20.00', points: 9007199254740993n, active: false },
      },
      { key: 'c', at: 4 },
      { key: 'c', at: 5, deleted: true },
    ]);
    const config = sampleConfig(folder);
    const indexes = join(folder, 'indexes');
    reader = createReader({ config, folder: indexes, clock: systemClock, log });
    engine = createSqlEngine({ config, reader, clock: systemClock, folder: indexes });
  }, TIME);
  afterAll(async () => {
    await engine.close();
    await reader.close();
    await rm(folder, { recursive: true, force: true });
  });

  const question = (more: Partial<SqlQuestion> = {}): SqlQuestion => ({
    signal: new AbortController().signal,
    ...more,
  });
  async function ask(sql: string, more: Partial<SqlQuestion> = {}) {
    const result = await engine.run(sql, question(more));
    const rows: (readonly Cell[])[] = [];
    for await (const batch of result.rows) rows.push(...batch);
    return { columns: result.columns, rows, isCut: result.isCut() };
  }
  const failure = (sql: string, more: Partial<SqlQuestion> = {}) =>
    ask(sql, more).then(
      ({ rows }) => ({ code: 'none', message: JSON.stringify(rows).slice(0, 500), position: undefined }),
      (error: { code: string; message: string; position?: number }) => error,
    );

  it('names tables as the datasets, and types as the pipeline file does', async () => {
    const { columns, rows } = await ask('SELECT * EXCLUDE (_hash, _message_id) FROM customers ORDER BY id');
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id string',
      'name string',
      'note string',
      'spent number',
      'balance decimal',
      'points integer',
      'active boolean',
      'lines json',
      'updatedAt datetime',
      '_key string',
      '_version string',
      '_deleted boolean',
      '_written_at datetime',
    ]);
    expect(rows.map((row) => row.slice(0, 9))).toEqual([
      ['a', 'Anna B', null, 2.5, '20', '9007199254740993', false, null, '2026-01-05T03:00:00.000Z'],
      ['b', '=1+1', null, null, '3.5', 7, null, '[{"quantity":2,"sku":"x"}]', '2026-01-05T02:00:00.000Z'],
    ]);
  });

  it('has every row in the history, tombstones too', async () => {
    const { rows } = await ask(
      'SELECT _key, count(*), bool_or(_deleted) FROM customers_history GROUP BY 1 ORDER BY 1; -- all',
    );
    expect(rows).toEqual([
      ['a', 2, false],
      ['b', 1, false],
      ['c', 2, true],
    ]);
  });

  it('sees what was written a moment ago, and what another query began with stays as it was', async () => {
    const before = await engine.run('SELECT count(*) FROM customers_history', question());
    await appendRows(folder, [{ key: 'd', at: 6 }]);
    // A copy that took long, as on a busy machine, serves for a while.
    await vi.waitFor(
      async () => expect((await ask("SELECT name FROM customers WHERE id = 'd'")).rows).toEqual([['Customer d']]),
      { timeout: 60_000, interval: 500 },
    );
    for await (const batch of before.rows) expect(batch).toEqual([[5]]);
  });

  it('is cut after so many rows, and says so', async () => {
    expect(await ask('FROM range(5000)', { maxRows: 1_500 })).toMatchObject({ isCut: true, rows: { length: 1_500 } });
    expect(await ask('FROM range(1500)', { maxRows: 1_500 })).toMatchObject({ isCut: false, rows: { length: 1_500 } });
  });

  it.each([
    ['a text', "repeat('x', 5000000)", `${'x'.repeat(100)}…`],
    ['JSON', 'list_transform(range(100000), x -> 1)', /^\[1,1,.{95}…$/],
    ['characters of two units', "repeat('😀', 60)", /^(😀){50}…$/u],
    ['a cut in the middle of such a character', "'x' || repeat('😀', 60)", /^x(😀){49}\uFFFD…$/u],
    ['one that just fits', "repeat('x', 100)", 'x'.repeat(100)],
  ])('cuts %s where it is asked to, before the dashboard has it', async (_what, sql, wanted) => {
    const { rows } = await ask(`SELECT ${sql} AS a, 7 AS b`, { longest: 100 });
    expect(rows).toEqual([[typeof wanted === 'string' ? wanted : expect.stringMatching(wanted), 7]]);
  });

  it.each([
    ['value', "SELECT repeat('x', 20000000)"],
    ['row', `SELECT ${Array.from({ length: 20 }, (_, at) => `repeat('x', 1000000) AS c${at}`)}`],
    ['list', 'SELECT list(range) FROM range(3000000)'],
  ])('hands over no %s that is too large to hold', async (_what, sql) => {
    expect(await failure(sql)).toMatchObject({
      code: 'sql_too_large',
      message: expect.stringMatching(/million characters|more memory/),
    });
  });

  it.each([
    'DESCRIBE customers',
    'SUMMARIZE customers',
    'FROM customers',
    'WITH t AS (FROM items) SELECT count(*) FROM t',
    'VALUES (1)',
    'SHOW TABLES',
  ])('answers %s', async (sql) => {
    expect((await ask(sql)).columns.length).toBeGreaterThan(0);
  });

  it.each([
    ['SELECT nix FROM customers', 7, /nix/],
    ['SELECT ä, nix\nFROM customers', 7, /"ä"/],
    ['SELECT 1\nFROM wrong', 14, /no table wrong here; those here are customers/],
    ['SLECT 1', 0, /syntax error/],
    ["SELECT 'é', 'x'::INTEGER", 15, /Could not convert/],
  ])('says what is wrong in %j, and where', async (sql, position, words) => {
    const { code, message, position: at } = await failure(sql);
    expect([/^sql_/.test(code), at]).toEqual([true, position]);
    expect(message).toMatch(words);
  });

  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "FROM '/etc/passwd'",
    "FROM 'http://127.0.0.1:9/x.parquet'",
    "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table(['duckdb_settings'])",
    "COPY customers TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO 'stolen.csv'",
    "ATTACH '/tmp/other.duckdb'",
    "ATTACH ':memory:' AS other",
    'INSTALL httpfs',
    'LOAD httpfs',
    "SELECT getenv('PATH')",
    "SELECT current_setting('temp_directory')",
    "SELECT json_serialize_plan('SELECT current_setting(''temp_directory'')', optimize := true)",
    "SELECT JSON_Serialize_Plan('SELECT * FROM duckdb_databases()')",
    "SELECT list_transform([1], x -> system.main.json_serialize_plan('SELECT 1'))",
    'SELECT * FROM duckdb_settings()',
    'SELECT 1 \0',
    'SELECT * FROM duckdb_databases()',
    'SELECT * FROM duckdb_databases',
    'SELECT * FROM pragma_database_list',
    'SELECT * FROM pragma_database_list()',
    'WITH duckdb_databases AS (SELECT 1) SELECT * FROM duckdb_databases',
    'SELECT * FROM (WITH DUCKDB_databases AS (SELECT 1) SELECT 1), duckdb_databases',
    'SELECT * FROM system.main.duckdb_databases',
    'SELECT * FROM information_schema.tables',
    "SELECT * FROM enable_logging(storage = 'file', storage_path = 'x')",
    "SET memory_limit = '8GB'",
    'RESET memory_limit',
    "PRAGMA memory_limit = '8GB'",
    'PRAGMA database_list',
    'PRAGMA enable_profiling',
    'CALL pragma_database_list()',
    'CHECKPOINT',
    'USE memory',
    'SET VARIABLE a = 1',
    'CREATE TABLE t (a INTEGER)',
    'CREATE TEMP TABLE t AS SELECT 1',
    'CREATE MACRO m() AS 1',
    "CREATE SECRET s (TYPE s3, KEY_ID 'a')",
    'INSERT INTO customers SELECT * FROM customers',
    'UPDATE customers SET name = NULL',
    'DELETE FROM parts.rows_0',
    'DROP VIEW customers',
    'SELECT * FROM parts.rows_0',
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    'BEGIN TRANSACTION',
    'PREPARE p AS SELECT 1',
    'EXPLAIN ANALYZE SELECT 1',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP VIEW customers',
    'SELECT $1',
    '',
    '-- nothing',
  ])('refuses %s', async (sql) => {
    const { code, message } = await failure(sql);
    expect(code).toMatch(/^sql_(wrong|refused)$/);
    expect(message).not.toContain(folder);
    expect(message).not.toMatch(/root:|tributary-index/);
    await expect(access('/tmp/stolen.csv')).rejects.toThrow();
  });

  it('reaches neither file nor setting where a query gets past the look at it, for the database itself holds it', async () => {
    // What makes Parquet runs the text once more, within a statement that may write one file.
    const out = join(folder, 'inner.parquet');
    const wrong = engine.writeTo("SELECT 1) TO '/tmp/stolen.csv' --", out, 'parquet', question());
    await expect(wrong).rejects.toMatchObject({ code: 'sql_wrong' });
    await expect(access('/tmp/stolen.csv')).rejects.toThrow();
  });

  it.each([
    ['a cross join', 'SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3'],
    [
      'a query that never ends',
      'WITH RECURSIVE t(n) AS (SELECT 1::HUGEINT UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t',
    ],
    ['a text of gigabytes', "SELECT repeat('x', 2000000000)"],
    ['many long texts', 'SELECT count(DISTINCT repeat(range::VARCHAR, 100000)) FROM range(1000000)'],
    ['a list of all there is', 'SELECT list(range) FROM range(1000000000)'],
    ['a value that is large for its reader', 'SELECT list(range) FROM range(5000000)'],
    ['a sort of what does not fit', 'SELECT md5(range::VARCHAR) m FROM range(2000000000) ORDER BY m'],
    [
      'an expression that is looked for long',
      "SELECT count(*) FROM range(100000000) WHERE regexp_matches(repeat('a', 200), '(a|aa)+$' || range)",
    ],
    [
      'columns whose names are megabytes',
      `WITH a AS (SELECT 1 AS "${'x'.repeat(5_000)}"), b AS (SELECT ${Array(100).fill('*')} FROM a) SELECT ${Array(20).fill('*')} FROM b`,
    ],
    ['a nesting of parentheses', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ])('ends %s with words, and answers others meanwhile', async (_what, sql) => {
    const bomb = failure(sql, { seconds: 3 });
    expect((await ask('SELECT count(*) FROM items')).rows).toEqual([[0]]);
    const { code, message } = await bomb;
    expect([code, message]).toEqual([expect.stringMatching(/^sql_(too_slow|too_large|wrong)$/), expect.any(String)]);
  });

  it('ends a query when its reader goes', async () => {
    const reading = new AbortController();
    const running = ask('SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3', {
      signal: reading.signal,
      seconds: 60,
    });
    setTimeout(() => reading.abort(new Error('gone')), 500);
    await expect(running).rejects.toThrow('gone');
  });

  it('writes CSV that no spreadsheet calculates, and JSON with all digits', async () => {
    const sql = "SELECT id, name, points, balance, lines FROM customers WHERE id IN ('a', 'b') ORDER BY id";
    const written = async (format: 'csv' | 'ndjson' | 'json') => {
      const file = join(folder, `out.${format}`);
      const { rows } = await engine.writeTo(sql, file, format, question());
      expect(rows).toBe(2);
      return await readFile(file, 'utf8');
    };
    expect(await written('csv')).toBe(
      'id,name,points,balance,lines\r\na,Anna B,9007199254740993,20,\r\nb,\'=1+1,7,3.5,"[{""quantity"":2,""sku"":""x""}]"\r\n',
    );
    const lines = [
      '{"id":"a","name":"Anna B","points":9007199254740993,"balance":20,"lines":null}',
      '{"id":"b","name":"=1+1","points":7,"balance":3.5,"lines":[{"quantity":2,"sku":"x"}]}',
    ];
    expect(await written('ndjson')).toBe(`${lines.join('\n')}\n`);
    expect(await written('json')).toBe(`[\n${lines.join(',\n')}\n]\n`);
  });

  it('writes Parquet', async () => {
    const file = join(folder, 'out.parquet');
    const written = await engine.writeTo('SELECT * FROM customers_history', file, 'parquet', question());
    expect(written.rows).toBeGreaterThanOrEqual(5);
    expect((await stat(file)).size).toBeGreaterThan(500);
    expect((await readFile(file)).subarray(0, 4).toString()).toBe('PAR1');
  });

  const random = (columns: number) => Array(columns).fill('md5(random()::VARCHAR)').join(', ');
  it.each([
    ['rows without end', `SELECT ${random(3)} FROM range(100000000000)`],
    ['rows of more columns', `SELECT ${random(8)} FROM range(100000000)`],
    ['a join without end', 'SELECT md5((a.range * random())::VARCHAR) FROM range(10000000) a, range(10000000) b'],
    ['lists that are taken apart', 'SELECT md5((unnest(range(1000)) * random())::VARCHAR) FROM range(1000000000)'],
  ])('ends %s as Parquet where the file is as large as it may be: a viewer could fill the disk', async (what, sql) => {
    const file = join(folder, `endless-${what.length}.parquet`);
    const failed = engine.writeTo(sql, file, 'parquet', question({ seconds: 60, maxBytes: 5_000_000 }));
    await expect(failed).rejects.toMatchObject({ code: 'sql_too_large', message: expect.stringMatching(/5 MB/) });
    expect((await stat(file)).size).toBeLessThan(400_000_000);
  });

  it('writes a Parquet file whole that is not as large as it may be', async () => {
    const file = join(folder, 'within.parquet');
    const written = await engine.writeTo('FROM range(1000)', file, 'parquet', question({ maxBytes: 5_000_000 }));
    expect(written.rows).toBe(1_000);
  });
});
