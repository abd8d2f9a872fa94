import { createLogger, type PipelineConfig } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, type MockInstance, onTestFinished, test, vi } from 'vitest';
import { watchRetention } from '../../src/recovery/retention.js';
import { RedisLedgerStore } from '../../src/recovery/store.js';
import type { Sink } from '../../src/sinks/port.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { type CsvStore, csvStore } from '../sinks/csv-store.js';
import { datasetNamed, partRow, pipeline } from '../sinks/records.js';
import { FakeClock } from '../support/fake-clock.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('history that is kept for ten days', () => {
  let store: CsvStore;
  let clock: FakeClock;
  let redis: MemoryRedis;
  let logs: string[];
  const config: PipelineConfig = { ...pipeline(), retention: { history: 10 * DAY } };

  beforeEach(async () => {
    store = await csvStore();
    clock = new FakeClock(Date.now());
    redis = new MemoryRedis(() => clock.now());
    logs = [];
  });
  afterEach(() => store.remove());

  const log = createLogger(
    { service: 'consumer', instance: 'test' },
    { write: (line: string) => void logs.push(line) },
  );
  const options = (sink: Sink) => ({ redis: redis.client(), config, sink, clock, log });
  const enter = (sink = store.connect()) =>
    new RedisLedgerStore(options(sink)).enter('writer', new AbortController().signal);
  /** Writes the n-th state of a key, as a consumer does that begins now. */
  let writers = 0;
  const write = async (n: number) => {
    const { epoch } = await enter();
    const writer = await store.connect().open(`writer-${++writers}`, epoch);
    await writer.write('parts', [partRow('A', n)]);
    await writer.close();
  };
  const states = async () => {
    const found: string[] = [];
    for await (const { version } of store.connect().scan(datasetNamed('parts'))) found.push(version);
    return found.sort();
  };
  const watch = (sink = store.connect(), isConsuming = () => true) => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    void watchRetention({ ...options(sink), isConsuming, signal: stop.signal });
  };
  /** Resolves when what was called has ended: files take their own time. */
  const looked = (spy: MockInstance) =>
    vi.waitFor(() => {
      expect(spy).toHaveBeenCalled();
      expect(spy.mock.settledResults.map(({ type }) => type)).not.toContain('incomplete');
    });
  /** Lets so much time pass, with time for files in between. */
  const pass = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += HOUR) {
      await clock.advance(HOUR);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  test('goes once a day in an epoch that a consumer begins for it, and one alone of several', async () => {
    await write(1);
    await write(2);
    const { epoch } = await enter();
    const began = vi.fn();
    const looking = [store.connect(), store.connect()].map((sink) => {
      vi.spyOn(sink, 'beginEpoch').mockImplementation(async (name) => began(name));
      watch(sink);
      return vi.spyOn(sink, 'hasOldStates');
    });
    await clock.advance(20 * HOUR);
    expect(looking.flatMap((spy) => spy.mock.results)).toHaveLength(0);
    await clock.advance(4.5 * HOUR);
    await vi.waitFor(() => expect(looking.flatMap((spy) => spy.mock.results)).toHaveLength(1));
    for (const spy of looking) if (spy.mock.calls.length > 0) await looked(spy);
    // Nothing is too old: the ledger is not rebuilt for that.
    expect(began).not.toHaveBeenCalled();
    clock.step(9 * DAY);
    await clock.advance(HOUR / 3);
    await vi.waitFor(() => expect(began).toHaveBeenCalledTimes(1));
    // It is of the same output, ledger and configuration.
    expect(began.mock.calls[0]?.[0]).not.toBe(epoch);
    expect(String(began.mock.calls[0]?.[0]).split('.').slice(0, 2)).toEqual(epoch.split('.').slice(0, 2));
    expect(await states()).toEqual(['1', '2']);
  });

  test('is removed in the epoch that begins when it is time, and what a consumer that ended in between has left is too', async () => {
    await write(1);
    await write(2);
    const watched = store.connect();
    const began = vi.spyOn(watched, 'beginEpoch');
    watch(watched);
    await pass(9 * DAY);
    await enter();
    expect(began).not.toHaveBeenCalled();
    expect(await states()).toEqual(['1', '2']);
    await vi.waitFor(async () => {
      await pass(4 * HOUR);
      expect(began).toHaveBeenCalled();
    });
    await looked(began);
    const { epoch } = await enter();
    expect(await states()).toEqual(['2']);
    expect(await store.connect().epoch()).toBe(epoch);
    expect(logs.some((line) => line.includes('1 older states'))).toBe(true);
  });

  test('is removed once more where Redis is lost, or has gone back, or the output came back from a copy', async () => {
    await write(1);
    await write(2);
    const snapshot = redis.store.snapshot();
    clock.step(11 * DAY);
    redis.restart();
    await enter();
    expect(await states()).toEqual(['2']);
    redis.restart(snapshot);
    await enter();
    expect(await states()).toEqual(['2']);
  });

  test('that cannot be removed keeps nobody from writing; it is told, and tried again after an hour', async () => {
    await write(1);
    await write(2);
    clock.step(11 * DAY);
    redis.restart();
    const sink = store.connect();
    vi.spyOn(sink, 'forgetHistory').mockRejectedValue(new Error('ENOSPC: no space left on device'));
    await enter(sink);
    expect(await states()).toEqual(['1', '2']);
    expect(logs.filter((line) => line.includes('"level":"error"')).join()).toContain('ENOSPC');
    const watched = store.connect();
    const looking = vi.spyOn(watched, 'hasOldStates');
    const began = vi.spyOn(watched, 'beginEpoch');
    watch(watched);
    await clock.advance(HOUR / 2);
    expect(looking).not.toHaveBeenCalled();
    await clock.advance(HOUR);
    await looked(looking);
    await looked(began);
    await enter();
    expect(await states()).toEqual(['2']);
  });

  test('is none of the business of a consumer that has given way to others', async () => {
    await write(1);
    redis.restart();
    const sink = store.connect();
    const began = vi.spyOn(sink, 'beginEpoch');
    watch(sink, () => false);
    await pass(3 * HOUR);
    expect(began).not.toHaveBeenCalled();
  });

  test.each(['gives way', 'finds another epoch'])(
    'is left to others by a consumer that %s while it looks for what is too old',
    async (what) => {
      await write(1);
      redis.restart();
      await enter();
      clock.step(DAY);
      let isConsuming = true;
      const sink = store.connect();
      const looking = vi.spyOn(sink, 'hasOldStates').mockImplementation(async () => {
        if (what === 'gives way') isConsuming = false;
        else {
          redis.restart();
          await enter();
        }
        return true;
      });
      const asked = vi.spyOn(sink, 'epoch');
      const began = vi.spyOn(sink, 'beginEpoch');
      watch(sink, () => isConsuming);
      await clock.advance(HOUR / 3);
      await looked(looking);
      await looked(asked);
      await pass(HOUR / 4);
      expect(began).not.toHaveBeenCalled();
    },
  );

  test('that cannot be looked for is told, and looked for again after an hour', async () => {
    await write(1);
    redis.restart();
    await enter();
    clock.step(DAY);
    const sink = store.connect();
    const looking = vi.spyOn(sink, 'hasOldStates').mockRejectedValue(new Error('statement timeout'));
    watch(sink);
    await clock.advance(HOUR / 3);
    await vi.waitFor(() => expect(logs.filter((line) => line.includes('"level":"warn"')).join()).toContain('timeout'));
    await clock.advance(HOUR / 3);
    expect(looking).toHaveBeenCalledTimes(1);
    await vi.waitFor(async () => {
      await pass(HOUR);
      expect(looking.mock.calls.length).toBeGreaterThan(1);
    });
  });

  test('that takes hours is not begun anew meanwhile', async () => {
    await write(1);
    await write(2);
    clock.step(11 * DAY);
    redis.restart();
    const slow = store.connect();
    let finish = () => {};
    const forget = vi.spyOn(slow, 'forgetHistory').mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          finish = () => resolve({});
        }),
    );
    const entering = enter(slow);
    await vi.waitFor(() => expect(forget).toHaveBeenCalled());
    const other = store.connect();
    const began = vi.spyOn(other, 'beginEpoch');
    watch(other);
    await pass(3 * HOUR);
    expect(began).not.toHaveBeenCalled();
    finish();
    const { epoch } = await entering;
    expect(await store.connect().epoch()).toBe(epoch);
    expect(forget).toHaveBeenCalledTimes(1);
  });

  test('a pipeline without retention forgets nothing', async () => {
    await write(1);
    await write(2);
    clock.step(4_000 * DAY);
    redis.restart();
    await new RedisLedgerStore({ ...options(store.connect()), config: pipeline() }).enter(
      'writer',
      new AbortController().signal,
    );
    expect(await states()).toEqual(['1', '2']);
  });
});
