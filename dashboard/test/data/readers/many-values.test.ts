import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { expect, it, onTestFinished } from 'vitest';
import { createCsvReader } from '../../../src/data/readers/csv/reader.js';
import type { Condition, Sort } from '../../../src/data/readers/port.js';
import { appendRows, sampleConfig, writePart } from '../../sample.js';
import { records } from './conformance.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const never = new AbortController().signal;

// Beyond a thousand different values a column is kept in another way, and beyond the sample a page is found in another.
it('filters and sorts the same however many different values and rows there are', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'values-'));
  const reader = createCsvReader(sampleConfig(directory), systemClock, log);
  onTestFinished(async () => {
    await reader.close();
    await rm(directory, { recursive: true });
  });
  const spent = (index: number) => (index % 10 === 0 ? undefined : ((index * 7_919) % 20_011) / 4);
  const rows = Array.from({ length: 18_000 }, (_, index) => ({
    key: `k${index}`,
    at: 1,
    values: { spent: spent(index), note: `note ${index % 3}`, name: `Name ${(index * 31) % 18_000}` },
  }));
  await writePart(directory, rows.slice(0, 9_000));
  await reader.list();
  await appendRows(directory, rows.slice(9_000));

  const ask = async (where: Condition[], sort?: Sort, limit = 500) => {
    const page = await reader.rows('customers', { view: 'latest', search: '', where, sort, offset: 0, limit }, never);
    return {
      total: page?.total,
      spent: records(page).map((row) => row.spent),
      names: records(page).map((row) => row.name),
    };
  };
  const known = rows.flatMap(({ values }) => (values.spent === undefined ? [] : [values.spent]));
  const condition = (is: Condition['is'], value: string): Condition => ({ column: 'spent', is, value });

  expect((await ask([condition('above', '4000')])).total).toBe(known.filter((value) => value > 4_000).length);
  expect((await ask([condition('to', '12.25')])).total).toBe(known.filter((value) => value <= 12.25).length);
  expect((await ask([condition('is', '12.25')])).total).toBe(known.filter((value) => value === 12.25).length);
  expect((await ask([condition('not', '12.25')])).total).toBe(18_000 - known.filter((value) => value === 12.25).length);
  expect((await ask([condition('empty', '')])).total).toBe(1_800);
  expect((await ask([condition('filled', '')])).total).toBe(16_200);
  expect((await ask([condition('contains', '.75')])).total).toBe(
    known.filter((value) => `${value}`.includes('.75')).length,
  );
  const note = { column: 'note', is: 'is', value: 'note 1' } as const;
  expect((await ask([note, condition('below', '100')])).total).toBe(
    rows.filter(({ values }) => values.note === 'note 1' && values.spent !== undefined && values.spent < 100).length,
  );

  const ascending = [...known].sort((a, b) => a - b);
  expect((await ask([], { column: 'spent', descending: false })).spent).toEqual(ascending.slice(0, 500));
  expect((await ask([], { column: 'spent', descending: true })).spent).toEqual(ascending.reverse().slice(0, 500));
  const names = rows.map(({ values }) => values.name).sort();
  expect((await ask([], { column: 'name', descending: false })).names).toEqual(names.slice(0, 500));
});
