import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCsvReader } from '../src/readers/csv.js';
import type { DatasetReader } from '../src/readers/port.js';
import { traceKey } from '../src/trace.js';
import { sampleConfig, writePart } from './sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describe('a trace', () => {
  let folder: string;
  let reader: DatasetReader;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trace-'));
    reader = createCsvReader(sampleConfig(folder), systemClock, log);
  });
  afterEach(async () => {
    await reader.close();
    await rm(folder, { recursive: true });
  });
  const trace = (key: string, dataset = 'customers') =>
    traceKey(sampleConfig(folder), reader, dataset, key, new AbortController().signal);

  it('tells of each version when it was fetched, who wrote it where, and what it changed', async () => {
    await writePart(folder, [
      { key: 'a', at: 1, values: { note: 'first' } },
      { key: 'b', at: 1 },
    ]);
    await writePart(folder, [{ key: 'a', at: 2, values: { note: 'second', spent: 5 } }], 'two');
    const found = await trace('a');
    expect(found?.total).toBe(2);
    const [second, first] = found?.versions ?? [];
    expect(second).toMatchObject({ consumer: 'two', batch: 1, endpoints: ['crm'], deleted: false });
    expect(second?.place).toMatch(/^part-two-1\.csv, record 1, at byte \d+$/);
    expect(second?.changes).toContainEqual({ field: 'note', before: 'first', after: 'second' });
    expect(second?.changes).toContainEqual({ field: 'spent', before: null, after: 5 });
    expect(second?.changes.map(({ field }) => field)).not.toContain('name');
    // A UUIDv7 begins with the milliseconds of its making.
    expect(first).toMatchObject({ consumer: 'one', batch: 2, fetchedAt: new Date(0x019000000000).toISOString() });
    expect(first?.changes).toEqual([]);
  });

  it('shows that a key was closed and came back', async () => {
    await writePart(folder, [
      { key: 'a', at: 1 },
      { key: 'a', at: 2, deleted: true },
      { key: 'a', at: 3 },
    ]);
    expect((await trace('a'))?.versions.map(({ deleted }) => deleted)).toEqual([false, true, false]);
  });

  it('orders versions as the ledger does, not as they were written', async () => {
    await writePart(folder, [
      { key: 'a', at: 5, values: { note: 'newer' } },
      { key: 'a', at: 1, values: { note: 'older, written late' } },
    ]);
    expect((await trace('a'))?.versions.map(({ values }) => values.note)).toEqual(['newer', 'older, written late']);
  });

  it('is empty for a key that nobody has, and nothing for a dataset that is none', async () => {
    expect(await trace('nobody')).toMatchObject({ versions: [], total: 0, merged: [] });
    expect(await trace('a', 'nope')).toBeUndefined();
  });
});
