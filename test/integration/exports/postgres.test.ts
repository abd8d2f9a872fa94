import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runExportCommand, sampleDatasets } from '@tributary/dashboard';
import { systemClock } from '@tributary/shared';
import { Client } from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { sampleConfig } from '../../../dashboard/test/sample.js';
import { uniqueName } from '../../services/handle.js';
import { read, wholeRuns } from './support.js';

const FOREVER = new AbortController().signal;
const ROWS = 5_000;

/** A table of customers as the sink makes it, in a schema of the test's own, and exports of it. */
async function stage(exports: string) {
  const schema = uniqueName('exports');
  const folder = await mkdtemp(join(tmpdir(), 'exports-postgres-'));
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  onTestFinished(async () => {
    await client.query(`DROP SCHEMA ${schema} CASCADE`);
    await client.end();
    await rm(folder, { recursive: true, force: true });
  });
  await client.query(`CREATE SCHEMA ${schema}; SET search_path TO ${schema};
    CREATE TABLE customers (id text, name text, note text, spent double precision, balance numeric, points bigint, active boolean,
      lines jsonb, "updatedAt" timestamptz, _key text PRIMARY KEY, _hash text, _version text, _message_id text, _written_at timestamptz);
    INSERT INTO customers SELECT 'C-' || n, 'Customer ' || n, NULL, n / 4.0, (n || '.10')::numeric, n, n % 2 = 0, '[{"sku":"a","quantity":1}]',
      '2026-01-05T00:00:00Z'::timestamptz + n * interval '1 second', 'C-' || n, 'h', 'v', 'm', now() FROM generate_series(1, ${ROWS}) n`);
  const out = join(folder, 'out');
  const settled = sampleConfig(folder, 'postgres', `exports:\n${exports.replaceAll('$OUT', out)}\n`);
  const config = { ...settled, sink: { ...settled.sink, postgres: { ...settled.sink.postgres, schema } } };
  const options = { config, postgresUrl: inject('postgresUrl'), clock: systemClock, signal: FOREVER };
  return { client, out, options, run: (name: string) => runExportCommand({ ...options, name }) };
}

test('an export of Postgres has the rows and types that a plain scan has, in every format', async () => {
  const columns = 'columns: [id, spent, balance, points, active, updatedAt]';
  const { client, run, out } = await stage(`
  parquet: { dataset: customers, ${columns}, to: $OUT }
  dealt: { dataset: customers, ${columns}, to: $OUT, split: { train: 0.8, test: 0.2, by: id } }
  ndjson: { query: "select count(*) as n, sum(points) as total from customers", format: ndjson, to: $OUT }
  csv: { dataset: customers, ${columns}, where: { points: { to: 10 }, updatedAt: { above: "2026-01-05T00:00:05Z" } }, format: csv, to: $OUT }`);
  const scan = await client.query(
    'SELECT id, spent, balance::float8 AS balance, points::int, active, "updatedAt" FROM customers ORDER BY points',
  );
  for (const name of ['parquet', 'dealt']) {
    const { place, manifest } = await run(name);
    expect(manifest.rows).toBe(ROWS);
    const files = await Promise.all(manifest.files.map((file) => read(join(place, file.name))));
    const found = files.flat().map((row) => ({ ...row, points: Number(row.points), balance: Number(row.balance) }));
    expect(found.sort((a, b) => a.points - b.points)).toEqual(scan.rows);
    expect(wholeRuns(join(out, name))).toEqual([manifest]);
  }
  expect((await run('csv')).manifest.rows).toBe(5);
  expect((await run('ndjson')).manifest.columns.map(({ name }) => name)).toEqual(['n', 'total']);
});

test('an export of Postgres with privacy makes columns coarser in its SQL too', async () => {
  const { run, out } = await stage(`
  private: { dataset: customers, to: $OUT, privacy: { quasi: { points: [{ bucket: 10 }], name: [{ first: 9 }], updatedAt: [{ to: year }] }, k: 5, sensitive: [active], l: 2, suppressAtMost: 1% } }`);
  const { place, manifest } = await run('private');
  expect(manifest.privacy).toMatchObject({
    quasi: [
      { column: 'points', made: 'buckets of 10' },
      { column: 'name', made: 'first 9' },
      { column: 'updatedAt', made: 'year' },
    ],
    rows: ROWS,
    leftOut: expect.arrayContaining(['id', 'balance']),
  });
  const rows = await read(join(place, 'private.parquet'));
  expect(rows).toHaveLength(ROWS - (manifest.privacy?.suppressed ?? 0));
  expect(rows[0]).toMatchObject({
    points: expect.stringMatching(/^\d+-\d+$/),
    name: 'Customer ***',
    updatedAt: '2026',
  });
  expect(wholeRuns(join(out, 'private'))).toEqual([manifest]);
});

test('a row of an export with privacy is not told from its group by an empty text where the others have nothing', async () => {
  const { client, run } = await stage(`
  private: { dataset: customers, to: $OUT, privacy: { quasi: [note], k: 5 } }`);
  await client.query("UPDATE customers SET note = '' WHERE points = 7");
  const { place, manifest } = await run('private');
  expect(manifest.privacy).toMatchObject({ quasi: [{ made: 'as it is' }], suppressed: 0, smallestGroup: ROWS });
  const notes = (await read(join(place, 'private.parquet'))).map(({ note }) => note ?? null);
  expect(notes).toHaveLength(ROWS);
  expect(new Set(notes)).toEqual(new Set([null]));
});

test('a key comes into the same file as with CSV: the split goes by its text', async () => {
  const { run } = await stage(`
  one: { query: "select id from customers", format: csv, to: $OUT, split: { a: 0.5, b: 0.5, by: id } }
  other: { query: "select points from customers", format: csv, to: $OUT, split: { a: 0.5, b: 0.5, by: points } }`);
  const dealt = (await run('one')).manifest.files.map(({ rows }) => rows);
  expect(dealt).toEqual((await run('one')).manifest.files.map(({ rows }) => rows));
  const { createHash } = await import('node:crypto');
  const isFirst = (key: string) => createHash('sha256').update(key).digest().readUIntBE(0, 6) / 2 ** 48 < 0.5;
  const keys = Array.from({ length: ROWS }, (_, index) => String(index + 1));
  expect(dealt[0]).toBe(keys.filter((key) => isFirst(`C-${key}`)).length);
  expect((await run('other')).manifest.files[0]?.rows).toBe(keys.filter(isFirst).length);
});

test('a scan for personal data sees rows of Postgres from everywhere, and the columns of a table without rows', async () => {
  const { client, options } = await stage('  set: { dataset: customers, to: $OUT }');
  await client.query('CREATE TABLE items (LIKE customers)');
  const points: number[] = [];
  const columns = new Map<string, Set<string>>();
  const seen = await sampleDatasets({
    ...options,
    datasets: ['customers', 'items'],
    rows: 100,
    see(dataset, column, cell) {
      columns.set(dataset, (columns.get(dataset) ?? new Set()).add(column));
      if (column === 'points' && cell !== null) points.push(Number(cell));
    },
  });
  expect(seen).toEqual({ customers: 100, items: 0 });
  expect(new Set(points).size).toBe(100);
  expect(Math.max(...points)).toBeGreaterThan(ROWS / 2);
  expect(Math.min(...points)).toBeLessThan(ROWS / 2);
  expect([...(columns.get('items') ?? [])]).toContain('name');
});
