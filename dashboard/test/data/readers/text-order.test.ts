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
/** So many different names that none is kept in memory. */
const MANY = 1_200;
const nameOf = (index: number) => `Name ${(index * 7_919) % 1_201}`;

describe('sorting a large table by a column of many texts', () => {
  let folder: string;
  let limited: DatasetReader;
  let whole: DatasetReader;
  let rows: SampleRow[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'text-order-'));
    const config = sampleConfig(folder);
    // Of more than 1,000 rows the first 100 can be reached; the other reader sorts all of them.
    limited = createCsvReader(config, systemClock, log, 1_000);
    whole = createCsvReader(config, systemClock, log);
    rows = Array.from({ length: MANY }, (_, index) => ({
      key: `k${index}`,
      at: 1 + index / 10_000,
      values: index % 50 === 0 ? { note: 'x' } : { name: nameOf(index), note: `note ${nameOf(index * 3)}` },
    }));
    await writePart(folder, rows);
  });
  afterEach(async () => {
    await Promise.all([limited.close(), whole.close()]);
    await rm(folder, { recursive: true });
  });

  const page = async (
    reader: DatasetReader,
    change: { descending?: boolean; offset?: number; limit?: number; view?: View },
  ) => {
    const { descending = false, offset = 0, limit = 30, view = 'latest' } = change;
    const sort = { column: 'note', descending };
    const found = await reader.rows('customers', { view, search: '', where: [], sort, offset, limit }, never);
    return { total: found?.total, keys: records(found).map((row) => row._key) };
  };
  const expectSame = async (change: Parameters<typeof page>[1]) =>
    expect(await page(limited, change)).toEqual(await page(whole, change));

  it('gives the same rows as sorting all of them would, from either end', async () => {
    for (const descending of [false, true]) {
      await expectSame({ descending });
      await expectSame({ descending, offset: 70 });
    }
  });

  it('says how far one can page, and what to do', async () => {
    await expect(page(limited, { offset: 90 })).rejects.toThrow(
      'by note, which has many different texts, the first 100 of 1,200 rows of CSV can be paged through: filter, or sort the other way round',
    );
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
          for (const descending of [false, true]) await expectSame({ descending });
          await expectSame({ view: 'history' });
        },
      ),
      { numRuns: 12 },
    );
  });
});
