import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLogger,
  type LoggedRun,
  memoryRunLog,
  memorySeenAgain,
  RetryableError,
  systemClock,
} from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCsvReader } from '../../src/data/readers/csv/reader.js';
import type { DatasetReader } from '../../src/data/readers/port.js';
import type { Journal } from '../../src/trace/journal.js';
import { traceKey } from '../../src/trace/trace.js';
import { sampleConfig, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

/** What the sample's message ids begin with, a UUIDv7 each. */
const FETCHED = new Date(0x019000000000).toISOString();
const iso = (time: number) => new Date(time).toISOString();

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
  const trace = (key: string, dataset = 'customers', journal?: Journal) =>
    traceKey({ config: sampleConfig(folder), reader, journal }, dataset, key, new AbortController().signal);

  it('says of each version when it was fetched, which consumer wrote it where, and what it changed', async () => {
    await writePart(folder, [
      { key: 'a', at: 1, values: { note: 'first' } },
      { key: 'b', at: 1 },
    ]);
    await writePart(folder, [{ key: 'a', at: 2, values: { note: 'second', spent: 5 } }], 'two');
    const found = await trace('a');
    expect(found?.total).toBe(2);
    const [second, first] = found?.versions ?? [];
    expect(second).toMatchObject({
      consumer: 'two',
      batch: { rows: 1, records: [1, 1] },
      endpoints: ['crm'],
      deleted: false,
    });
    expect(second?.place).toMatch(/^part-two-1\.csv, record 1, at byte \d+$/);
    expect(second?.changes).toContainEqual({ field: 'note', before: 'first', after: 'second' });
    expect(second?.changes).toContainEqual({ field: 'spent', before: null, after: 5 });
    expect(second?.changes.map(({ field }) => field)).not.toContain('name');
    // A UUIDv7 begins with the milliseconds of its making.
    expect(first).toMatchObject({ consumer: 'one', batch: { rows: 2, records: [1, 2] }, fetchedAt: FETCHED });
    expect(first?.changes).toEqual([]);
  });

  it('shows that a key was deleted and came back', async () => {
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

  describe('with what producers and consumers keep in Redis', () => {
    const at = Date.parse(FETCHED);
    const run: LoggedRun = {
      run: 12,
      producer: 'p1',
      startedAt: at - 5,
      idsFrom: at - 5,
      endedAt: at + 30,
      confirmedAt: at + 20,
      published: 7,
    };
    const journal = () => ({
      runs: memoryRunLog(),
      seenAgain: memorySeenAgain(() => at + 99),
      check: () => {},
      problem: () => undefined,
    });
    const traceOf = async (noted: Journal | undefined, key = 'a') => {
      await writePart(folder, [{ key: 'a', at: 1 }]);
      const found = await trace(key, 'customers', noted);
      return { version: found?.versions[0], seenAgain: found?.seenAgain };
    };

    it('names the run, and when all of it was confirmed', async () => {
      const noted = journal();
      await noted.runs.add('crm', run);
      const { version } = await traceOf(noted);
      const times = { startedAt: iso(at - 5), endedAt: iso(at + 30), confirmedAt: iso(at + 20) };
      expect(version).toMatchObject({
        runs: [{ endpoint: 'crm', run: 12, producer: 'p1', published: 7, error: null, ...times }],
        note: null,
        since: null,
      });
    });

    it('says that a run failed before all of it was confirmed', async () => {
      const noted = journal();
      await noted.runs.add('crm', { ...run, confirmedAt: undefined, error: 'no answer' });
      expect((await traceOf(noted)).version?.runs).toMatchObject([{ confirmedAt: null, error: 'no answer' }]);
    });

    it('says so when the run is no longer kept, was not kept, or cannot be known', async () => {
      const noted = journal();
      expect((await traceOf(noted)).version).toMatchObject({ runs: [], note: expect.stringContaining('holds no run') });
      await noted.runs.add('crm', { ...run, startedAt: at + 1, idsFrom: at + 1 });
      expect((await traceOf(noted)).version).toMatchObject({
        runs: [],
        note: 'no longer kept: the oldest run that is kept began',
        since: iso(at + 1),
      });
      const ended = journal();
      await ended.runs.add('crm', { ...run, startedAt: at - 9, idsFrom: at - 9, endedAt: at - 2 });
      expect((await traceOf(ended)).version?.note).toContain('still going on, or its producer died');
      expect((await traceOf(undefined)).version?.note).toContain('REDIS_URL');
      const away = {
        ...journal(),
        check: () => {
          throw new RetryableError('redis_away', 'Redis is away');
        },
      };
      expect(await traceOf(away)).toMatchObject({
        version: { runs: [], note: 'not known: Redis is away' },
        seenAgain: { last: null, note: 'Redis is away' },
      });
    });

    it('tells when the key was last seen again, and how far back that reaches', async () => {
      const noted = journal();
      noted.seenAgain.note({ consumer: 'c1', dataset: 'customers', keys: { duplicate: ['a'], stale: [] } });
      const since = iso(at + 99);
      expect((await traceOf(noted)).seenAgain).toEqual({
        last: { at: since, consumer: 'c1', verdict: 'duplicate' },
        since,
        note: null,
      });
      expect((await traceOf(noted, 'b')).seenAgain).toEqual({ last: null, since, note: null });
    });
  });

  it('finds the merged rows of a star by whichever of its sides the record is', async () => {
    await writePart(folder, [{ key: 'a/b', at: 1 }]);
    const config = sampleConfig(folder);
    const [item = { entity: '', on: '' }] = config.merges[0]?.with ?? [];
    const keys = vi.spyOn(reader, 'keys').mockResolvedValue({ keys: ['x/y/a%2Fb'], total: 1 });
    const merges = config.merges.map((merge) => ({
      ...merge,
      each: { entity: 'other' },
      with: [item, { entity: 'customer', on: 'buyer' }],
    }));
    const signal = new AbortController().signal;
    const found = await traceKey(
      { config: { ...config, merges }, reader, journal: undefined },
      'customers',
      'a/b',
      signal,
    );
    const [{ dataset = '' } = {}] = merges;
    expect(keys.mock.calls.map(([name, pattern]) => [name, pattern])).toEqual([[dataset, { place: 2, part: 'a%2Fb' }]]);
    expect(found?.merged).toEqual([{ dataset, rows: ['x/y/a%2Fb'], total: 1 }]);
  });

  it('is empty for a key that does not exist, and undefined for a dataset that does not exist', async () => {
    expect(await trace('no such key')).toMatchObject({ versions: [], total: 0, merged: [] });
    expect(await trace('a', 'nope')).toBeUndefined();
  });
});
