import { appendFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, createLogger, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { DatasetReader, View } from '../../../src/data/readers/port.js';
import {
  appendRows,
  collect,
  customerHeader,
  customerLines,
  partPath,
  type SampleRow,
  sampleConfig,
  writePart,
} from '../../sample.js';
import { describeCharts } from './charts.js';
import { describeReader, records } from './conformance.js';
import { describeProfiles } from './profiles.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;

/** The reader answers with what it knows after some hundred milliseconds. On a busy machine that would be nothing. */
const patient: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * 50, signal) };

async function openSample(): Promise<{ directory: string; reader: DatasetReader; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'dashboard-'));
  const reader = createCsvReader(sampleConfig(directory), patient, log);
  const close = async () => {
    await reader.close();
    await rm(directory, { recursive: true });
  };
  return { directory, reader, close };
}

async function openWritable() {
  const { directory, reader, close } = await openSample();
  let begun = false;
  return {
    reader,
    close,
    async write(rows: readonly SampleRow[]) {
      if (begun) await appendRows(directory, rows);
      else await writePart(directory, rows);
      begun = true;
    },
  };
}

describeReader('CSV', openWritable);
describeProfiles('CSV', openWritable);
describeCharts('CSV', openWritable);

describe('the CSV reader and its parts', () => {
  let directory: string;
  let reader: DatasetReader;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ directory, reader, close } = await openSample());
  });
  afterEach(() => close());

  const summary = async () => (await reader.list())[0];
  const names = async (view: View = 'history') =>
    records(
      await reader.rows('customers', { view, search: '', where: [], sort: undefined, offset: 0, limit: 500 }, never),
    ).map((row) => row.name);

  it('reads the parts of all writers as one dataset, with the latest row of a key from any of them', async () => {
    await writePart(
      directory,
      [
        { key: 'a', at: 1 },
        { key: 'b', at: 4, values: { name: 'b4' } },
      ],
      'one',
      1,
    );
    await writePart(directory, [{ key: 'a', at: 3, values: { name: 'a3' } }], 'one', 2);
    await writePart(
      directory,
      [
        { key: 'a', at: 2 },
        { key: 'b', at: 1 },
      ],
      'two',
      1,
    );
    expect(await summary()).toMatchObject({ rows: 5, keys: 2, parts: 3 });
    expect(await names('latest')).toEqual(['b4', 'a3']);
    const described = await reader.describe('customers');
    expect(described?.files.map(({ name, rows }) => [name, rows])).toEqual([
      ['part-one-1.csv', 2],
      ['part-one-2.csv', 1],
      ['part-two-1.csv', 2],
    ]);
  });

  it('takes in what is appended, and parts that come later', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    expect(await summary()).toMatchObject({ rows: 1, parts: 1 });
    await appendRows(directory, [{ key: 'b', at: 2 }]);
    expect(await summary()).toMatchObject({ rows: 2, parts: 1 });
    await writePart(directory, [{ key: 'c', at: 3 }], 'two');
    expect(await summary()).toMatchObject({ rows: 3, keys: 3, parts: 2 });
  });

  it('does not show a torn last line until it is whole, even when it breaks off within quotes', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    const line = await customerLines(directory, [{ key: 'b', at: 2, values: { name: 'two\nlines 🦊' } }]);
    const bytes = Buffer.from(line);
    for (const cut of [1, line.indexOf('lines'), bytes.length - 1]) {
      const path = await writePart(directory, [{ key: 'a', at: 1 }]);
      await appendFile(path, bytes.subarray(0, cut));
      expect(await summary()).toMatchObject({ rows: 1, keys: 1, problems: [] });
      await appendFile(path, bytes.subarray(cut));
      expect(await summary()).toMatchObject({ rows: 2, keys: 2, problems: [] });
      expect(await names()).toEqual(['two\nlines 🦊', 'Customer a']);
    }
  });

  it('does not show a header that is still being written', async () => {
    const path = await writePart(directory, []);
    await writeFile(path, customerHeader(directory).slice(0, 20));
    expect(await summary()).toMatchObject({ rows: 0, parts: 1, problems: [] });
    await writePart(directory, [{ key: 'a', at: 1 }]);
    expect(await summary()).toMatchObject({ rows: 1, problems: [] });
  });

  it('reads a part anew when another file takes its name', async () => {
    const path = await writePart(directory, [
      { key: 'a', at: 1 },
      { key: 'b', at: 2 },
    ]);
    await appendFile(path, 'torn');
    const before = await summary();
    // As a takeover does it: a copy without the torn line, renamed over the old name, and then appended to.
    await writeFile(`${path}.new`, (await readFile(path, 'utf8')).replace(/torn$/, ''));
    await rename(`${path}.new`, path);
    await appendRows(directory, [{ key: 'c', at: 3 }]);
    const after = await summary();
    expect(before).toMatchObject({ rows: 2 });
    expect(after).toMatchObject({ rows: 3, keys: 3 });
    expect(after?.revision.split('.')[0]).not.toBe(before?.revision.split('.')[0]);
    expect(await names()).toEqual(['Customer c', 'Customer b', 'Customer a']);
  });

  it('reads on, and not anew, behind lines of any characters', async () => {
    await writePart(directory, []);
    for (const [index, key] of ['🦊'.repeat(60), `x${'🦊'.repeat(60)}`, 'é'.repeat(99), '"'.repeat(99)].entries()) {
      await appendRows(directory, [{ key, at: index }]);
      expect((await summary())?.revision).toBe(`1.${index + 1}`);
    }
  });

  it('notices when lines that were read are cut off and others written in their place, in the same file', async () => {
    const path = await writePart(directory, [{ key: 'a', at: 1 }]);
    const durable = (await readFile(path)).length;
    await appendRows(directory, [{ key: 'failed', at: 2 }]);
    expect(await names()).toEqual(['Customer failed', 'Customer a']);
    // As a sink does after a write that failed half-way.
    await truncate(path, durable);
    await appendRows(directory, [
      { key: 'other', at: 3 },
      { key: 'more', at: 4 },
    ]);
    expect(await names()).toEqual(['Customer more', 'Customer other', 'Customer a']);
  });

  it('orders versions as they were before their cells were neutralised', async () => {
    await writePart(directory, [
      { key: '=a', at: 1, version: '-1', values: { name: 'newer' } },
      { key: '=a', at: 2, version: '(1', values: { name: 'older' } },
    ]);
    const page = await reader.rows(
      'customers',
      { view: 'latest', search: '', where: [], sort: undefined, offset: 0, limit: 5 },
      never,
    );
    expect(records(page)).toMatchObject([{ _key: '=a', _version: '-1', name: 'newer' }]);
  });

  it('forgets a part that is gone, and rows that were cut off', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }], 'one');
    const two = await writePart(directory, [{ key: 'b', at: 2 }], 'two');
    expect(await summary()).toMatchObject({ rows: 2, parts: 2 });
    await truncate(two, Buffer.byteLength(customerHeader(directory)));
    expect(await summary()).toMatchObject({ rows: 1, keys: 1, parts: 2 });
    await rm(two);
    expect(await summary()).toMatchObject({ rows: 1, keys: 1, parts: 1 });
  });

  it('never mixes rows of the old and the new file when a part is replaced before it is read', async () => {
    const path = await writePart(directory, [
      { key: 'a', at: 1 },
      { key: 'b', at: 2 },
    ]);
    const download = await reader.download('customers', { view: 'history', search: '', where: [] }, never);
    await writeFile(`${path}.new`, customerHeader(directory) + (await customerLines(directory, [{ key: 'z', at: 1 }])));
    await rename(`${path}.new`, path);
    await expect(collect(download?.rows)).rejects.toThrow('part-one-1.csv was replaced');
    expect(await names()).toEqual(['Customer z']);
  });

  it('reads a part of many chunks, with rows across their borders, as fast-csv wrote it', async () => {
    const note = `${'long, "quoted"\r\n'.repeat(400)}🦊`;
    const rows = Array.from({ length: 700 }, (_, index) => ({ key: `k${index}`, at: index, values: { note } }));
    await writePart(directory, rows);
    // A look waits some tenths of a second for what is new; on a busy machine the rest is read behind the first answer.
    await expect.poll(summary).toMatchObject({ indexing: null });
    expect(await summary()).toMatchObject({ rows: 700, keys: 700, problems: [] });
    const page = await reader.rows(
      'customers',
      { view: 'latest', search: 'k123', where: [], sort: undefined, offset: 0, limit: 5 },
      never,
    );
    expect(records(page)).toMatchObject([{ _key: 'k123' }]);
  });

  it('keeps columns that the configuration no longer has, and fills those an older part lacks with nothing', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    const older = (await readFile(partPath(directory), 'utf8')).replace('id,name,note', 'id,name,nickname');
    await writeFile(
      partPath(directory, 'older'),
      older.replace('Customer a,', 'Customer a,Ann').replaceAll(',a,', ',b,'),
    );
    const page = await reader.rows(
      'customers',
      { view: 'latest', search: 'ann', where: [], sort: undefined, offset: 0, limit: 5 },
      never,
    );
    expect(page?.columns.map((column) => column.name)).toContain('nickname');
    expect(records(page)).toMatchObject([{ _key: 'b', nickname: 'Ann', note: null }]);
  });

  it('leaves out files that no consumer wrote and lines that are not rows, and says so', async () => {
    await writePart(directory, [{ key: 'a', at: 1 }]);
    await appendFile(partPath(directory), 'only,three,cells\r\n');
    await writeFile(partPath(directory, 'stranger'), 'a,b\r\n1,2\r\n');
    await writeFile(join(directory, 'customers', 'notes.txt'), 'not a part');
    const found = await summary();
    expect(found).toMatchObject({ rows: 1, keys: 1, parts: 2 });
    expect(found?.problems).toEqual([
      'part-stranger-1.csv is left out: its first line is not a Tributary header',
      expect.stringMatching(/^1 line is left out: part-one-1.csv, at byte \d+, has 3 cells instead of 15$/),
    ]);
    // It may be a link to any file of the machine.
    expect(await reader.part('customers', 'part-stranger-1.csv')).toBeUndefined();
    await appendRows(directory, [{ key: 'b', at: 2 }]);
    expect(await summary()).toMatchObject({ rows: 2 });
  });

  it('says what keeps it from reading, and reads again once that is mended', async () => {
    await writeFile(join(directory, 'customers'), 'a file where the folder should be');
    const problem = 'the parts of customers cannot be read: ENOTDIR';
    expect((await summary())?.problems[0]).toContain(problem);
    expect(reader.problems()).toEqual([expect.stringContaining(problem)]);
    expect(reader.problems().join()).not.toContain(directory);
    await rm(join(directory, 'customers'));
    await writePart(directory, [{ key: 'a', at: 1 }]);
    expect(await summary()).toMatchObject({ rows: 1, problems: [] });
    expect(reader.problems()).toEqual([]);
  });

  it('shows the text of a cell that its type cannot read', async () => {
    await writePart(directory, [{ key: 'a', at: 1, values: { spent: 5, lines: [] } }]);
    const text = await readFile(partPath(directory), 'utf8');
    await writeFile(partPath(directory), text.replace(',5,', ',five,').replace(',[],', ',[broken,'));
    const page = await reader.rows(
      'customers',
      { view: 'latest', search: '', where: [], sort: undefined, offset: 0, limit: 5 },
      never,
    );
    expect(records(page)).toMatchObject([{ spent: 'five', lines: '[broken' }]);
  });

  it('answers while a first read of much data goes on, and says how far it is', async () => {
    const impatient = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };
    await writePart(directory, [{ key: 'a', at: 1 }]);
    const hasty = createCsvReader(sampleConfig(directory), impatient, log);
    const first = await hasty.list();
    expect(first[0]?.rows === 0 || first[0]?.indexing !== null).toBe(true);
    await expect.poll(async () => (await hasty.list())[0]).toMatchObject({ rows: 1, indexing: null });
    await hasty.close();
  });

  it('counts the rows of each of the last sixty minutes', async () => {
    const { now } = Date;
    const at = (now() - Date.UTC(2026, 0, 5)) / 3_600_000;
    await writePart(directory, [
      { key: 'a', at },
      { key: 'b', at: at - 10 / 60 },
      { key: 'c', at: at - 10 / 60 },
      { key: 'd', at: at - 2 },
    ]);
    const activity = (await summary())?.activity ?? [];
    expect(activity).toHaveLength(60);
    expect(activity.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(Math.max(...activity.slice(40, 55))).toBe(2);
  });
});
