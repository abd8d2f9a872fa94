import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Contents } from '../../../src/data/readers/csv/contents.js';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { DatasetReader, View } from '../../../src/data/readers/port.js';
import { appendRows, collect, partPath, type SampleRow, sampleConfig, writePart } from '../../sample.js';
import { records } from './conformance.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;
/** Each key twice, and the second time within another piece. */
const ROWS = Array.from({ length: 120 }, (_, at) => ({ key: `k${at % 60}`, at }));

describe('pieces of a part that are read at the same time', { timeout: 60_000 }, () => {
  let output: string;
  let state: string;
  let reader: DatasetReader;
  const open = () => createCsvReader(sampleConfig(output), systemClock, log, state, { few: 200, most: 4_000 });
  beforeEach(async () => {
    output = await mkdtemp(join(tmpdir(), 'pieces-'));
    state = await mkdtemp(join(tmpdir(), 'pieces-state-'));
    reader = open();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await reader.close();
    await rm(output, { recursive: true });
    await rm(state, { recursive: true });
  });

  const versions = async (view: View) => {
    const found = await reader.download('customers', { view, search: '', where: [] }, never);
    const at = found?.columns.indexOf('updatedAt') ?? -1;
    return (await collect(found?.rows)).map((row) => row[at] ?? '').sort();
  };
  const expectAll = async (rows: readonly SampleRow[] = ROWS) => {
    expect(await versions('history')).toHaveLength(rows.length);
    expect(new Set(await versions('history')).size).toBe(rows.length);
    expect(await versions('latest')).toEqual((await versions('history')).slice(-60));
    expect((await reader.list())[0]).toMatchObject({ rows: rows.length, keys: 60 });
  };

  it('are all there, each row once, and with their places', async () => {
    await writePart(output, ROWS);
    await expectAll();
    for (const [key, records] of [
      ['k0', [61, 1]],
      ['k59', [120, 60]],
    ] as const) {
      const places = (await reader.versions('customers', key, 5, never))?.places.map(({ place }) => place);
      expect(places?.map((place) => Number(/record (\d+),/.exec(place)?.[1]))).toEqual(records);
    }
    await reader.close();
    reader = open();
    await appendRows(output, [{ key: 'k0', at: 200 }]);
    await expectAll([...ROWS, { key: 'k0', at: 200 }]);
  });

  it.each([
    ['a line that is no row', 'only,three,cells\r\n'],
    ['a line end that no sink writes', 'a line, with,\n'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x2c, 0x0d, 0x0a])],
  ])('keep all other rows where one of them holds %s', async (_, odd) => {
    for (const at of [10, 60, 110]) {
      await writePart(output, ROWS.slice(0, at), `w${at}`);
      await appendFile(partPath(output, `w${at}`), odd);
      await appendRows(output, ROWS.slice(at), `w${at}`);
    }
    expect(await versions('history')).toHaveLength(ROWS.length * 3);
    const [summary] = await reader.list();
    expect(summary).toMatchObject({ rows: ROWS.length * 3, keys: 60 });
    expect(summary?.problems.join()).toMatch(/^3 lines are left out/);
  });

  it('show no key twice to whoever looks meanwhile', async () => {
    await writePart(output, ROWS);
    const query = { view: 'latest', search: '', where: [], sort: undefined, offset: 0, limit: 500 } as const;
    for (let isDone = false; !isDone; ) {
      const keys = records(await reader.rows('customers', query, never)).map(({ _key }) => _key);
      expect(new Set(keys).size).toBe(keys.length);
      isDone = (await reader.list())[0]?.indexing === null;
    }
    await expectAll();
  });

  it('are read anew where they are in the table and what they overtook is not told', async () => {
    await writePart(output, ROWS);
    const { count } = Contents.prototype;
    let failures = 0;
    vi.spyOn(Contents.prototype, 'count').mockImplementation(function (this: Contents, asked) {
      return failures++ === 1 ? Promise.reject(new Error('the disk is full')) : count.call(this, asked);
    });
    await reader.list();
    expect(failures).toBeGreaterThan(1);
    await expectAll();
    await reader.close();
    reader = open();
    await expectAll();
  });
});
