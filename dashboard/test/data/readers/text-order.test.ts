import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { DatasetReader, View } from '../../../src/data/readers/port.js';
import { appendRows, type SampleRow, sampleConfig, writePart } from '../../sample.js';
import { records } from './conformance.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;
const MANY = 1_200;
const nameOf = (index: number) => `Name ${(index * 7_919) % 1_201}`;

describe('sorting a large table by a column of many texts', () => {
  let folder: string;
  let reader: DatasetReader;
  let rows: SampleRow[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'text-order-'));
    reader = createCsvReader(sampleConfig(folder), systemClock, log);
    rows = Array.from({ length: MANY }, (_, index) => ({
      key: `k${index}`,
      at: 1 + index / 10_000,
      values: index % 50 === 0 ? { note: 'x' } : { name: nameOf(index), note: `note ${nameOf(index * 3)}` },
    }));
    await writePart(folder, rows);
  });
  afterEach(async () => {
    await reader.close();
    await rm(folder, { recursive: true });
  });

  interface Change {
    readonly descending?: boolean;
    readonly offset?: number;
    readonly limit?: number;
    readonly view?: View;
  }
  const page = async ({ descending = false, offset = 0, limit = 30, view = 'latest' }: Change) => {
    const sort = { column: 'note', descending };
    const found = await reader.rows('customers', { view, search: '', where: [], sort, offset, limit }, never);
    return { total: found?.total, keys: records(found).map((row) => row._key) };
  };
  /** The same by sorting all rows here: of one key those with the greatest time, which no two rows have in common. */
  const expected = ({ descending = false, offset = 0, limit = 30, view = 'latest' }: Change) => {
    const newest = new Map<string, SampleRow>();
    for (const row of rows) if (row.at > (newest.get(row.key)?.at ?? 0)) newest.set(row.key, row);
    const shown = view === 'history' ? rows : [...newest.values()].filter(({ deleted }) => deleted !== true);
    const noteOf = ({ values, deleted }: SampleRow) => (deleted === true ? undefined : String(values?.note));
    const sorted = shown.toSorted((a, b) => {
      const [one, other] = [noteOf(a), noteOf(b)];
      if (one === other) return b.at - a.at;
      if (one === undefined || other === undefined) return one === undefined ? 1 : -1;
      return one < other === descending ? 1 : -1;
    });
    return { total: shown.length, keys: sorted.slice(offset, offset + limit).map(({ key }) => key) };
  };
  const expectSame = async (change: Change) => expect(await page(change)).toEqual(expected(change));

  it('gives the same rows as sorting all of them would, from either end', async () => {
    for (const descending of [false, true]) {
      await expectSame({ descending });
      await expectSame({ descending, offset: 70 });
    }
  });

  it('reaches every page', async () => {
    await expectSame({ offset: 90 });
    await expectSame({ offset: MANY - 10 });
    await expectSame({ offset: MANY });
  });

  it('takes in rows that are written later, and leaves out rows that are no longer the latest', async () => {
    await expectSame({});
    let at = 3;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ row: fc.nat(MANY), to: fc.nat(2_000), deleted: fc.boolean() }), { maxLength: 60 }),
        async (changes) => {
          const changed = changes.map(({ row, to, deleted }) => {
            at += 0.001;
            return { key: `k${row}`, at, deleted, values: { note: `note Name ${to}` } };
          });
          await appendRows(folder, changed);
          rows = [...rows, ...changed];
          for (const descending of [false, true]) await expectSame({ descending });
          await expectSame({ view: 'history' });
        },
      ),
      { numRuns: 12 },
    );
  });
});
