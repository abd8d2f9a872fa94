import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createPostgresReader } from '../../dashboard/src/data/readers/postgres/reader.js';
import { createSqlEngine } from '../../dashboard/src/sql/engine.js';
import type { Cell, SqlEngine, SqlQuestion } from '../../dashboard/src/sql/port.js';
import { sampleConfig } from '../../dashboard/test/sample.js';
import { uniqueName } from '../services/handle.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const TIME = 120_000;

describe('SQL over the Postgres sink, as a superuser', { timeout: TIME }, () => {
  const url = inject('postgresUrl');
  const schema = uniqueName('sql');
  const sample = sampleConfig('nowhere', 'postgres');
  const config = { ...sample, sink: { ...sample.sink, postgres: { ...sample.sink.postgres, schema, history: true } } };
  const admin = new Client({ connectionString: url });
  const reader = createPostgresReader(config, url, systemClock, log);
  let engine: SqlEngine;
  beforeAll(async () => {
    await admin.connect();
    const name = escapeIdentifier(schema);
    await admin.query(`CREATE SCHEMA ${name}`);
    await admin.query(`CREATE TABLE ${name}.customers (id text, name text, spent float8, balance numeric, points bigint, active boolean,
      lines jsonb, "updatedAt" timestamptz, _key text PRIMARY KEY)`);
    await admin.query(`CREATE TABLE ${name}.customers_history AS SELECT * FROM ${name}.customers`);
    await admin.query(`CREATE TABLE ${name}.secrets AS SELECT 'hidden' AS word`);
    await admin.query(
      `CREATE FUNCTION ${name}.peek() RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT word FROM ${name}.secrets $$`,
    );
    await admin.query(`CREATE OPERATOR ${name}.=!= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textne)`);
    await admin.query(`INSERT INTO ${name}.customers VALUES
      ('a', 'Anna', 1.5, 10.25, 9007199254740993, true, '[{"sku": "x"}]', '2026-01-05T03:00:00.5Z', 'a'),
      ('b', '=1+1', NULL, 3.5, 7, NULL, NULL, NULL, 'b')`);
    engine = createSqlEngine({ config, reader, postgresUrl: url, clock: systemClock });
  }, TIME);
  afterAll(async () => {
    await engine.close();
    await reader.close();
    await admin.query(`SET client_min_messages TO warning; DROP SCHEMA ${escapeIdentifier(schema)} CASCADE`);
    await admin.end();
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

  it('names tables as the datasets, and gives their types', async () => {
    const { columns, rows } = await ask('SELECT * FROM customers ORDER BY id; -- all');
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id string',
      'name string',
      'spent number',
      'balance decimal',
      'points integer',
      'active boolean',
      'lines json',
      'updatedAt datetime',
      '_key string',
    ]);
    expect(rows).toEqual([
      ['a', 'Anna', 1.5, '10.25', '9007199254740993', true, '[{"sku": "x"}]', '2026-01-05T03:00:00.500Z', 'a'],
      ['b', '=1+1', null, '3.5', 7, null, null, null, 'b'],
    ]);
  });

  it.each([
    'SELECT count(*), sum(balance), avg(spent), min(name) FROM customers',
    "SELECT date_trunc('month', \"updatedAt\"), row_number() OVER (ORDER BY id), lower(name) LIKE '%a%' FROM customers",
    "WITH t AS (SELECT * FROM customers) SELECT t.id, value->>'sku' FROM t, jsonb_array_elements(lines) AS value",
    'SELECT c, array_agg(c) OVER () AS all_of_them, c::text AS t, tableoid, row_to_json(c) FROM customers c',
    "SELECT ARRAY[1]::int[] AS a, '{a,b}'::text[] AS b, name::varchar(3) AS c, to_tsvector('english', name) AS d FROM customers",
    'SELECT random(), now(), CURRENT_DATE, generate_series(1, 3), pg_typeof(1)',
    'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT array_agg(n) FROM t',
    "SELECT regexp_replace(name, 'a+', 'b'), to_char(balance, '990.00'), md5(id) FROM customers",
    'SELECT * FROM customers_history',
    'VALUES (1), (2)',
    'SELECT CURRENT_TIME, CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP(3)',
    'SELECT t::text FROM (SELECT pg_typeof(name) AS t FROM customers) AS of_names',
    'SELECT x::text AS t FROM json_to_record(\'{"a":1}\') AS x(a int, b text)',
    "SELECT '{a,b}'::text[]::text AS a, name::varchar::text, string_agg(name, ',') FROM customers GROUP BY name",
    "SELECT xmlelement(name a, 'b')::text AS x, strpos(name, 'n'), percentile_cont(0.5) WITHIN GROUP (ORDER BY spent) FROM customers GROUP BY name",
  ])('answers %s', async (sql) => {
    expect((await ask(sql)).columns.length).toBeGreaterThan(0);
  });

  it.each([
    ['SELECT avg(points) AS a FROM customers WHERE points < 10', '7'],
    ['SELECT 1.50::numeric(10, 4) AS a', '1.5'],
    ['SELECT 100::numeric AS a', '100'],
    ['SELECT -0.00::numeric AS a', '0'],
    ["SELECT 'NaN'::numeric AS a", 'NaN'],
    ['SELECT 1e30::numeric AS a', `1${'0'.repeat(30)}`],
  ])('gives a decimal without the zeros that nobody wrote: %s', async (sql, digits) => {
    expect((await ask(sql)).rows).toEqual([[digits]]);
  });

  it('cuts values where it is asked to, and hands over no row that is too large to hold', async () => {
    const { rows } = await ask("SELECT repeat('x', 5000000) AS a, 'short' AS b, repeat('y', 100) AS c", {
      longest: 100,
    });
    expect(rows).toEqual([[`${'x'.repeat(100)}…`, 'short', 'y'.repeat(100)]]);
    expect(await failure("SELECT repeat('x', 20000000) AS a")).toMatchObject({
      code: 'sql_too_large',
      message: expect.stringContaining('million characters'),
    });
  });

  it.each([
    ['SELECT nix FROM customers', 7, /nix/],
    ['SLECT 1', 0, /syntax error/],
    ["SELECT 'é', 'x'::integer", 12, /invalid input syntax/],
  ])('says what is wrong in %j, and where', async (sql, position, words) => {
    const found = await failure(sql);
    expect(found).toMatchObject({ code: 'sql_wrong', position });
    expect(found.message).toMatch(words);
  });

  it.each([
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    'SELECT * FROM pg_ls_logdir()',
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/stolen')",
    'SELECT pg_sleep(100)',
    "SELECT set_config('role', 'none', false)",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT current_setting('data_directory')",
    'SELECT n::oid::regclass::text AS t FROM generate_series(1, 2000) n',
    'SELECT concat(10::oid::regrole)',
    "SELECT ('sec' || 'rets')::regclass",
    'SELECT ARRAY[10]::oid[]::regrole[]',
    'SELECT n::oid::regnamespace AS t FROM generate_series(1, 2000) n',
    'SELECT n::oid::regprocedure AS t FROM generate_series(1, 2000) n',
    `SELECT a FROM json_to_record('{"a":1260}') AS x(a regclass)`,
    `SELECT json_populate_record(NULL::pg_type, '{"typinput": 1299}')::text`,
    `SELECT x.typinput FROM json_populate_record(NULL::pg_type, '{"typinput": 1299}') x`,
    "SELECT acldefault('r', 10::oid)",
    "SELECT makeaclitem(10, 10, 'SELECT', true)::text",
    'SELECT * FROM pg_authid',
    'SELECT * FROM pg_catalog.pg_shadow',
    'SELECT * FROM pg_user_mapping',
    'SELECT * FROM pg_settings',
    'SELECT * FROM pg_stat_activity',
    'SELECT * FROM pg_stat_get_activity(NULL)',
    'SELECT * FROM information_schema.tables',
    'SELECT pg_advisory_lock(1)',
    'SELECT pg_terminate_backend(1)',
    'SELECT pg_cancel_backend(1)',
    'SELECT pg_reload_conf()',
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT schema_to_xml('pg_catalog', true, true, '')",
    "SELECT table_to_xml('pg_authid', true, true, '')",
    "SELECT ts_stat('SELECT 1')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT 1')",
    "SELECT nextval('x')",
    'SELECT inet_server_addr()',
    'SELECT version() FROM pg_class',
    'SELECT version()',
    'SELECT current_user',
    'SELECT session_user, user',
    'SELECT current_role',
    'SELECT current_catalog',
    'SELECT current_schema',
    'SELECT current_schema()',
    'SELECT current_schemas(true)',
    'SELECT current_database()',
    'SELECT "current_user"()',
    'SELECT getdatabaseencoding()',
    'SELECT getpgusername()',
    'SELECT current_query()',
    'SELECT name || (SELECT upper(version())) FROM customers WHERE name <> CURRENT_USER',
    'SELECT format_type(n::oid, NULL) AS t FROM generate_series(1, 2000) n',
    'SELECT n::oid::regtype AS t FROM generate_series(1, 2000) n',
    `SELECT x::text AS t FROM json_to_record('{"a":1260}') AS x(a regclass)`,
    `SELECT x::text AS t FROM json_to_record('{"a":1260}') AS x(a regtype)`,
    `SELECT * FROM ${schema}.secrets`,
    'SELECT * FROM secrets',
    `SELECT ${schema}.peek()`,
    `SELECT 'a' OPERATOR(${schema}.=!=) 'b', (SELECT count(*) FROM secrets)`,
    'SELECT (SELECT word FROM secrets)',
    "COPY customers TO '/tmp/stolen'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/stolen'",
    'SET statement_timeout = 0',
    'RESET ALL',
    'SHOW data_directory',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP TABLE customers',
    'INSERT INTO customers (_key) VALUES (1)',
    'WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone',
    'SELECT * INTO other FROM customers',
    'SELECT * FROM customers FOR UPDATE',
    'CREATE TABLE t (a int)',
    'DO $$ BEGIN END $$',
    'CALL nothing()',
    'LISTEN a',
    "NOTIFY a, 'b'",
    'LOCK TABLE customers',
    'EXPLAIN ANALYZE SELECT 1',
    'BEGIN',
    'COMMIT',
    'SELECT $1',
    'SELECT 1 AS a WITH LOCAL CHECK OPTION',
    '',
  ])('refuses %s', async (sql) => {
    const { code, message } = await failure(sql);
    expect([code, message]).toEqual([
      expect.stringMatching(/^sql_(wrong|refused)$/),
      expect.not.stringMatching(/root:|hidden/),
    ]);
  });

  it.each([
    "SELECT oidvectortypes('1247 1260'::oidvector) AS a",
    "SELECT oidvectortypes((SELECT array_to_string(array_agg(x), ' ') FROM generate_series(16384, 20000) x)::oidvector) AS a",
    "SELECT name FROM customers WHERE oidvectortypes('1247'::oidvector) LIKE 'pg%'",
    "SELECT 1 AS a ORDER BY length(max(oidvectortypes('1247'::oidvector)))",
    "SELECT postgresql_fdw_validator('{a=1}', 1417)",
    "SELECT array_in('{1260}'::cstring, 2205, -1)::text AS a",
    "SELECT array_in('{10}'::cstring, 4096, -1)::text AS a",
    "SELECT array_in('{11}'::cstring, 4089, -1)::text AS a",
    "SELECT record_in('(1)'::cstring, 83, -1)::text AS a",
    'SELECT array_out(ARRAY[1])::text AS a',
    'SELECT satisfies_hash_partition(1260, 2, 1, NULL::int)',
    "SELECT xpath('count(//b)', '<a><b/></a>')",
    "SELECT xpath_exists('//b', '<a><b/></a>')",
    "SELECT XMLEXISTS('//b' PASSING '<a><b/></a>')",
    "SELECT t.a FROM XMLTABLE('//b' PASSING '<a><b/></a>' COLUMNS a text PATH '.') t",
  ])('refuses what is inside of Postgres, and what it cannot end, before it runs: %s', async (sql) => {
    expect(await failure(sql)).toMatchObject({
      code: 'sql_refused',
      message: expect.stringContaining('cannot be used here'),
    });
  });

  it.each([
    ['a bomb of rows', 'SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000000) b'],
    [
      'a query that never ends',
      'WITH RECURSIVE t(n) AS (SELECT 1::numeric UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t',
    ],
    ['a text of gigabytes', "SELECT repeat('x', 2000000000)"],
    ['a text that is large for its reader', "SELECT repeat('x', 600000000), repeat('y', 600000000)"],
  ])('ends %s with words, and answers others meanwhile', async (_what, sql) => {
    const bomb = failure(sql, { seconds: 3 });
    expect((await ask('SELECT count(*) FROM customers')).rows).toEqual([[2]]);
    expect((await bomb).code).toMatch(/^sql_(too_slow|too_large|wrong)$/);
  });

  it('ends the statement in Postgres when its reader goes', async () => {
    const reading = new AbortController();
    // It needs no temporary files, whose limit would end it.
    const endless = 'WITH RECURSIVE t(n) AS (SELECT 1::numeric UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t';
    const running = ask(endless, { signal: reading.signal, seconds: 60 });
    const alive = async () => {
      const { rows } = await admin.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'tributary dashboard sql %' AND state = 'active'",
      );
      return rows.length;
    };
    await expect.poll(alive).toBe(1);
    const gone = expect(running).rejects.toThrow('gone');
    reading.abort(new Error('gone'));
    await gone;
    await expect.poll(alive).toBe(0);
  });

  it.each([
    'SELECT wrd FROM secrets',
    'SELECT s.wrd FROM customers c, secrets s',
    'SELECT a.*, a.* FROM secrets a',
    'SELECT a.* FROM secrets a GROUP BY ()',
    'SELECT (SELECT wor FROM secrets) FROM customers',
  ])('names no column of another table that the query does not name itself: %s', async (sql) => {
    const { code, message } = await failure(sql);
    expect(code).toMatch(/^sql_(wrong|refused)$/);
    expect(message).not.toMatch(/word/);
  });

  it.each([
    ['SELECT nme FROM customers', /"customers.name"/],
    ['SELECT a.*, a.* FROM customers a', /"id" specified more than once. Call one/],
    [
      'SELECT count(*), count(DISTINCT name) FROM customers',
      /"count" specified more than once. Call one of them otherwise: .* AS /,
    ],
    ['SELECT a.* FROM customers a GROUP BY ()', /"a.id" must appear/],
    ["SELECT 'Anna'::int", /"Anna"/],
  ])('names what is of the datasets, or in the query: %s', async (sql, words) => {
    expect((await failure(sql)).message).toMatch(words);
  });

  it('writes Parquet', async () => {
    const file = join(tmpdir(), `${schema}.parquet`);
    try {
      const written = await engine.writeTo('SELECT * FROM customers', file, 'parquet', question());
      expect(written.rows).toBe(2);
      expect((await readFile(file)).subarray(0, 4).toString()).toBe('PAR1');
    } finally {
      await rm(file, { force: true });
    }
  });

  it('ends rows without end as Parquet where as much is on the disk as may be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'endless-'));
    try {
      const sql = `SELECT ${Array.from({ length: 20 }, (_, at) => `md5(random()::text) AS c${at}`).join(', ')} FROM generate_series(1, 10000) a, generate_series(1, 10000) b`;
      const limits = question({ seconds: 60, maxBytes: 5_000_000 });
      const failed = engine.writeTo(sql, join(folder, 'out.parquet'), 'parquet', limits);
      await expect(failed).rejects.toMatchObject({ code: 'sql_too_large', message: expect.stringMatching(/5 MB/) });
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
