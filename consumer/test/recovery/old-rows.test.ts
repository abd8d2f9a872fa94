import { createLogger, type PipelineConfig, parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hasOldRows, removeOldRows } from '../../src/recovery/old-rows.js';
import { rowAges } from '../../src/recovery/row-age.js';
import { RedisLedgerStore } from '../../src/recovery/store.js';
import type { Sink } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { type CsvStore, csvStore } from '../sinks/csv-store.js';
import { datasetNamed, mergedRow, PIPELINE, partRow, thingRow } from '../sinks/records.js';
import { FakeClock } from '../support/fake-clock.js';

const DAY = 86_400_000;
const NOW = Date.parse('2027-01-01T00:00:00Z');

const kept = (rows: string, more = ''): PipelineConfig =>
  parsePipeline(`${PIPELINE}retention: { rows: ${rows}${more} }\n`, {}, 'test.yaml');

const FIELDS = { needed_text: 'x', needed_whole: 1, needed_size: 1, needed_flag: true, needed_json: 1, lines: [] };
const thing = (id: string, at: string, day = '2020-01-01', message = 1) =>
  thingRow({ id, at, needed_day: day, ...FIELDS }, `0197f0a2-7b4e-7c11-8000-${String(message).padStart(12, '0')}`);
const gone = (id: string, at: string, message = 9) =>
  thingRow({ id, at, _deleted: true }, `0197f0a2-7b4e-7c11-8000-${String(message).padStart(12, '0')}`);

describe('rows that are kept for a year', () => {
  let store: CsvStore;
  let clock: FakeClock;
  let redis: MemoryRedis;
  let logs: string[];
  const config = kept('{ thing: 1y }');

  beforeEach(async () => {
    store = await csvStore();
    clock = new FakeClock(NOW);
    redis = new MemoryRedis(() => clock.now());
    logs = [];
  });
  afterEach(() => store.remove());

  const log = createLogger(
    { service: 'consumer', instance: 'test' },
    { write: (line: string) => void logs.push(line) },
  );
  const enter = (of = config, sink: Sink = store.connect()) =>
    new RedisLedgerStore({ redis: redis.client(), config: of, sink, clock, log }).enter(
      'writer',
      new AbortController().signal,
    );
  const none = kept('{}');
  let writers = 0;
  const write = async (dataset: string, ...rows: Parameters<Awaited<ReturnType<Sink['open']>>['write']>[1]) => {
    const { epoch } = await enter(none);
    const writer = await store.connect().open(`writer-${++writers}`, epoch);
    await writer.write(dataset, rows);
    await writer.close();
  };
  const keys = async (dataset: string) => {
    const found: string[] = [];
    for await (const { key } of store.connect().scan(datasetNamed(dataset))) found.push(key);
    return found.sort();
  };
  /** Before anything is removed, another epoch has to begin. */
  const nextEpoch = async (sink: Sink = store.connect(), of = config) => {
    clock.step(DAY);
    redis.restart();
    return await enter(of, sink);
  };

  test('go with all states of their key and with merged rows, by the newest state alone', async () => {
    await write('things', thing('old', '2024-01-01T00:00:00Z'), thing('young', '2024-01-01T00:00:00Z'));
    await write('things', thing('old', '2025-06-01T00:00:00Z'), thing('young', '2026-06-01T00:00:00Z'));
    await write('parts', partRow('P', 1));
    await write('thing_parts', mergedRow('old/P', 1), mergedRow('young/P', 1), mergedRow('old%2Fer/P', 1));
    expect(await hasOldRows(config, store.connect(), NOW)).toBe(true);
    await nextEpoch();
    expect(await keys('things')).toEqual(['young', 'young']);
    expect(await keys('parts')).toEqual(['P']);
    expect(await keys('thing_parts')).toEqual(['old%2Fer/P', 'young/P']);
    expect(await hasOldRows(config, store.connect(), NOW)).toBe(false);
    expect(logs.filter((line) => line.includes('too old')).join()).toContain('2 rows of records that are too old');
  });

  test('go in the order that whoever dies between any two steps finds them once more', async () => {
    await write('things', thing('old', '2025-06-01T00:00:00Z'));
    await write('thing_parts', mergedRow('old/P', 1));
    for (const at of [0, 1]) {
      const dying = store.connect();
      const real = dying.removeKeys?.bind(dying);
      let step = 0;
      vi.spyOn(dying, 'removeKeys').mockImplementation(async (...args) => {
        if (step++ === at) throw new WriterLost('lost', 'died');
        return (await real?.(...args)) ?? {};
      });
      const controller = new AbortController();
      clock.step(DAY);
      redis.restart();
      const entering = new RedisLedgerStore({ redis: redis.client(), config, sink: dying, clock, log })
        .enter('writer', controller.signal)
        .catch(() => {});
      await vi.waitFor(() => expect(step).toBeGreaterThan(at));
      controller.abort();
      await clock.advance(2_000);
      await entering;
      expect(await keys('things')).toEqual(['old']);
      expect(await keys('thing_parts')).toEqual(at === 0 ? ['old/P'] : []);
    }
    await nextEpoch();
    expect(await keys('things')).toEqual([]);
    expect(await keys('thing_parts')).toEqual([]);
  });

  test('are unknown to the ledger afterwards, and the others known', async () => {
    await write('things', thing('old', '2025-06-01T00:00:00Z'), thing('young', '2026-06-01T00:00:00Z'));
    redis.restart();
    const before = await enter(none);
    await before.ledger.renewLease(60_000);
    expect((await before.ledger.knows('things', ['old', 'young', 'never'])).known).toEqual([true, true, false]);
    const { ledger } = await nextEpoch();
    expect((await ledger.knows('things', ['old', 'young', 'never'])).known).toEqual([false, true, false]);
    await expect(before.ledger.knows('things', ['young'])).rejects.toThrow(WriterLost);
  });

  test('may be judged by another field, by which a row that says that a record is no more is never too old', async () => {
    const byDay = kept('{ thing: { keep: 1y, by: needed_day } }');
    await write('things', thing('A', '2026-06-01T00:00:00Z', '2020-01-01'), gone('B', '2020-06-01T00:00:00Z'));
    await write('things', thing('C', '2020-06-01T00:00:00Z', '2026-01-01'), gone('D', '2026-06-01T00:00:00Z'));
    await write('things', thing('E', '2024-06-01T00:00:00Z', '2026-06-01'));
    await write('things', thing('E', '2025-06-01T00:00:00Z', '2020-06-01', 2));
    await nextEpoch(store.connect(), byDay);
    expect(await keys('things')).toEqual(['B', 'C', 'D']);
    await nextEpoch();
    expect(await keys('things')).toEqual(['D']);
  });

  test('stay where the clock of the consumer is far ahead of that of Redis', async () => {
    await write('things', thing('young', '2026-06-01T00:00:00Z'));
    const ahead = new FakeClock(NOW + 4_000 * DAY);
    redis.restart();
    const sink = store.connect();
    await new RedisLedgerStore({ redis: redis.client(), config, sink, clock: ahead, log }).enter(
      'writer',
      new AbortController().signal,
    );
    expect(await keys('things')).toEqual(['young']);
  });

  test('stay in a sink that cannot remove them, which is told', async () => {
    await write('things', thing('old', '2025-06-01T00:00:00Z'));
    const sink = Object.defineProperty(store.connect(), 'removeKeys', { value: undefined });
    await nextEpoch(sink);
    expect(await keys('things')).toEqual(['old']);
    expect(logs.join()).toContain('retention.rows is set, and this sink cannot remove');
  });

  test('are not looked for where none are kept for a time', async () => {
    const sink = { scan: vi.fn() };
    expect(await hasOldRows(none, sink, NOW)).toBe(false);
    const removeKeys = vi.fn();
    expect(await removeOldRows(none, { ...sink, removeKeys }, 'epoch', NOW)).toEqual({});
    expect(sink.scan).not.toHaveBeenCalled();
  });
});

test.each([
  ['2026-01-01T00:00:00Z', false],
  ['2025-12-31T23:59:59.999Z', true],
  ['2025-12-31T23:59:59.999999Z', true],
  ['2025-12-31', false],
  ['2025-12-30', true],
  ['2025', false],
  ['1', false],
  ['0000000A/12', false],
  ['tomorrow', false],
  ['', false],
])('a version of %j, in 2027, is older than a year: %s', (version, isOld) => {
  const isTooOld = rowAges(kept('{ thing: 1y }')).get('thing');
  expect(isTooOld?.({ version, values: { at: version } }, NOW)).toBe(isOld);
  expect(isTooOld?.({ version, values: null }, NOW)).toBe(isOld);
  expect(isTooOld?.({ version, values: { at: undefined } }, NOW)).toBe(false);
});
