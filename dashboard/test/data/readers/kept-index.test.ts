import { cp, mkdtemp, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { createLogger, type parsePipeline, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { DatasetReader } from '../../../src/data/readers/port.js';
import { appendRows, collect, partPath, sampleConfig, writePart } from '../../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;
const PATIENCE = 60_000;

describe('the index of the CSV reader', { timeout: PATIENCE }, () => {
  let output: string;
  let state: string;
  let reader: DatasetReader | undefined;
  beforeEach(async () => {
    output = await mkdtemp(join(tmpdir(), 'kept-output-'));
    state = await mkdtemp(join(tmpdir(), 'kept-state-'));
  });
  afterEach(async () => {
    await reader?.close();
    reader = undefined;
    await rm(output, { recursive: true });
    await rm(state, { recursive: true });
  });

  const start = (config = sampleConfig(output)): DatasetReader => {
    reader = createCsvReader(config, systemClock, log, state);
    return reader;
  };
  const names = async (view: 'latest' | 'history' = 'latest'): Promise<string[]> => {
    const found = await reader?.download('customers', { view, search: '', where: [] }, never);
    const index = found?.columns.indexOf('name') ?? -1;
    return found === undefined ? [] : (await collect(found.rows)).map((row) => row[index] ?? '').sort();
  };
  const restart = async (): Promise<void> => {
    await reader?.close();
    start();
  };
  const summary = async () => (await reader?.list())?.find(({ name }) => name === 'customers');
  const indexFile = async () => join(state, (await readdir(state))[0] ?? '', 'rows.duckdb');

  it('is taken over by the next process, which reads only what has come since', async () => {
    await writePart(output, [
      { key: 'a', at: 1 },
      { key: 'b', at: 1 },
      { key: 'c', at: 1, deleted: true },
    ]);
    start();
    expect(await names()).toEqual(['Customer a', 'Customer b']);
    const before = await summary();
    await reader?.close();
    // What stands before the place where reading goes on is not read again: this does not change what is found.
    const part = await open(partPath(output), 'r+');
    const text = (await part.readFile()).toString();
    await part.write('X', text.indexOf('Customer a'));
    await part.close();
    start();
    expect(await names()).toEqual(['Customer a', 'Customer b']);
    expect(await summary()).toMatchObject({
      rows: 3,
      keys: 2,
      revision: before?.revision,
      indexing: null,
      lastWrittenAt: before?.lastWrittenAt,
    });
    await appendRows(output, [
      { key: 'a', at: 2, values: { name: 'new' } },
      { key: 'd', at: 2 },
    ]);
    expect(await names()).toEqual(['Customer b', 'Customer d', 'new']);
    await restart();
    expect(await names('history')).toHaveLength(5);
    expect((await reader?.versions('customers', 'a', 10, never))?.places.map(({ place }) => place)).toEqual([
      expect.stringContaining('record 4, at byte'),
      expect.stringContaining('record 1, at byte'),
    ]);
  });

  it.each<[string, () => Promise<void>]>([
    ['is lost', async () => await rm(state, { recursive: true })],
    ['is empty', async () => await writeFile(await indexFile(), '')],
    ['is something else', async () => await writeFile(await indexFile(), 'x'.repeat(100_000))],
    [
      'is damaged anywhere',
      async () => {
        const file = await open(await indexFile(), 'r+');
        const { size } = await file.stat();
        for (let at = 20_000; at < size; at += 5_000) await file.write(Buffer.alloc(64, 0xa5), 0, 64, at);
        await file.close();
      },
    ],
    [
      'is cut off',
      async () =>
        await (
          await open(await indexFile(), 'r+').then(async (file) => {
            await file.truncate(30_000);
            return file;
          })
        ).close(),
    ],
    [
      'is of another version',
      async () => {
        const instance = await DuckDBInstance.create(await indexFile());
        const connection = await instance.connect();
        await connection.run(`UPDATE tables.kept SET version = 'v0.1'`);
        connection.closeSync();
        instance.closeSync();
      },
    ],
    [
      'lacks rows of what is noted',
      async () => {
        const instance = await DuckDBInstance.create(await indexFile());
        const connection = await instance.connect();
        await connection.run('DELETE FROM tables.rows_0 WHERE rowid = 0');
        connection.closeSync();
        instance.closeSync();
      },
    ],
    [
      'is of a part that was replaced',
      async () => {
        await cp(partPath(output), `${partPath(output)}.new`);
        await rename(`${partPath(output)}.new`, partPath(output));
        await utimes(partPath(output), 0, 0);
      },
    ],
  ])('is made again where it %s', async (_how, harm) => {
    await writePart(
      output,
      Array.from({ length: 500 }, (_, index) => ({ key: `k-${index}`, at: 1 })),
    );
    start();
    const before = await names();
    await reader?.close();
    await harm();
    start();
    expect(await names()).toEqual(before);
    expect(before).toHaveLength(500);
    await restart();
    expect(await names()).toEqual(before);
  });

  it('is made again where parts were taken away or are others', async () => {
    await writePart(output, [{ key: 'a', at: 1 }], 'one');
    await writePart(output, [{ key: 'b', at: 1 }], 'two');
    start();
    expect(await names()).toEqual(['Customer a', 'Customer b']);
    await reader?.close();
    await rm(partPath(output, 'two'));
    // In the same file, as an older state that is put back, and goes on otherwise.
    const text = await open(partPath(output, 'one'), 'r+');
    await text.truncate(0);
    await text.close();
    await writePart(
      output,
      [
        { key: 'c', at: 3 },
        { key: 'd', at: 4 },
      ],
      'one',
    );
    start();
    expect(await names()).toEqual(['Customer c', 'Customer d']);
  });

  it('is made again for a dataset whose columns the configuration changes', async () => {
    await writePart(output, [
      { key: 'a', at: 1, values: { points: 10 } },
      { key: 'b', at: 1, values: { points: 9 } },
    ]);
    start();
    expect(await names()).toHaveLength(2);
    await reader?.close();
    const config = sampleConfig(output);
    const { customer } = config.entities;
    if (customer === undefined) throw new Error('there is no customer');
    const points = { ...customer.fields.points, type: 'string' as const, maxLength: 100, optional: true };
    const other = { ...customer, fields: { ...customer.fields, points } };
    start({ ...config, entities: { ...config.entities, customer: other } } as ReturnType<typeof parsePipeline>);
    const found = await reader?.rows(
      'customers',
      { view: 'latest', search: '', where: [], sort: { column: 'points', descending: false }, offset: 0, limit: 10 },
      never,
    );
    expect(found?.rows.map(([key]) => key)).toEqual(['a', 'b']);
  });

  it('holds nothing of a dataset that left the pipeline', async () => {
    await writePart(output, [{ key: 'a', at: 1 }]);
    start();
    const views = async (): Promise<unknown[]> => {
      const file = join(output, 'copy.duckdb');
      await reader?.snapshot?.(file);
      const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
      const connection = await instance.connect();
      const found = await connection.runAndReadAll('SELECT view_name AS name FROM duckdb_views() WHERE NOT internal');
      connection.closeSync();
      instance.closeSync();
      await rm(file);
      return found
        .getRowObjectsJson()
        .map(({ name }) => name)
        .sort();
    };
    expect(await views()).toEqual([
      'customer_items',
      'customer_items_history',
      'customers',
      'customers_history',
      'items',
      'items_history',
    ]);
    await reader?.close();
    const { customer } = sampleConfig(output).entities;
    const config = { ...sampleConfig(output), merges: [], entities: { customer } } as ReturnType<typeof parsePipeline>;
    start(config);
    expect(await names()).toEqual(['Customer a']);
    expect(await views()).toEqual(['customers', 'customers_history']);
    expect(await readdir(state)).toHaveLength(1);
  });

  it('is that of one of two processes alone', async () => {
    await writePart(output, [{ key: 'a', at: 1 }]);
    start();
    expect(await names()).toEqual(['Customer a']);
    const other = createCsvReader(sampleConfig(output), systemClock, log, state);
    expect((await other.list())[0]?.rows).toBe(1);
    expect(await readdir(state)).toHaveLength(2);
    await other.close();
    await restart();
    expect(await names()).toEqual(['Customer a']);
    await reader?.close();
    expect(await readdir(state)).toHaveLength(1);
  });

  it('is copied as of one moment, under the names and with the types of the pipeline', async () => {
    await writePart(output, [
      { key: 'a', at: 1, values: { points: 7, balance: '0.10', active: true, lines: [{ sku: 's', quantity: 2 }] } },
      { key: 'a', at: 2, values: { note: 'second' } },
      { key: 'b', at: 1, deleted: true },
    ]);
    start();
    const file = join(state, 'copy.duckdb');
    const held = await reader?.download('customers', { view: 'history', search: '', where: [] }, never);
    await appendRows(output, [{ key: 'a', at: 3, values: { note: 'third', spent: 1.5 } }]);
    const copied = await reader?.snapshot?.(file);
    expect(Date.parse(copied?.asOf ?? '')).toBeGreaterThan(0);
    expect(held === undefined ? [] : await collect(held.rows)).toHaveLength(3);
    await appendRows(output, [{ key: 'late', at: 4 }]);
    expect(await names()).toHaveLength(2);
    const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
    expect(await ask('SELECT id, note, spent, points FROM customers')).toEqual([
      { id: 'a', note: 'third', spent: 1.5, points: null },
    ]);
    expect(
      await ask('SELECT id, points, balance, active, lines, _deleted FROM customers_history ORDER BY _written_at, id'),
    ).toMatchObject([
      { id: 'a', points: '7', active: true, _deleted: false },
      { id: null, _deleted: true },
      { id: 'a' },
      { id: 'a' },
    ]);
    expect(await ask('SELECT count(*)::INTEGER AS n FROM items')).toEqual([{ n: 0 }]);
    connection.closeSync();
    instance.closeSync();
    expect((await stat(file)).size).toBeGreaterThan(0);
  });
});
