import { doubtLedger, sinkGenerationKey } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ledgerKeys, rebuildLockKey } from '../../src/ledger/keys.js';
import { type Epoch, enterEpoch, type Rebuild } from '../../src/recovery/epoch.js';
import { WriterLost } from '../../src/writer-lost.js';
import { FakeClock } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { log } from '../support/records.js';
import type { TestRedis } from '../support/test-redis.js';
import { removePipeline, runOf, uniquePipeline } from './harness.js';

const waitFor = (condition: () => unknown) => vi.waitFor(condition);

/** How consumers agree on a ledger, and who rebuilds it. */
export function describeEpochs(name: string, connect: () => Promise<TestRedis>): void {
  describe(`epochs in ${name}`, () => {
    let redis: TestRedis;
    let pipeline: string;
    let sink: PlainSink;
    let clock: FakeClock;
    let stop: AbortController;
    beforeEach(async () => {
      redis = await connect();
      pipeline = uniquePipeline();
      sink = new PlainSink();
      clock = new FakeClock();
      stop = new AbortController();
    });
    afterEach(async () => {
      stop.abort();
      await removePipeline(redis, pipeline);
    });
    const enter = (rebuild: Rebuild = async () => {}, from = sink): Promise<Epoch> =>
      enterEpoch({ mergeName: 'none', redis, pipeline, sink: from, rebuild, clock, log, signal: stop.signal });
    const published = () => redis.get(ledgerKeys(pipeline, '').epoch);
    const lock = () => redis.get(rebuildLockKey(pipeline));
    const generation = () => redis.get(sinkGenerationKey(pipeline));

    test('the first consumer begins an epoch, named after the sink and the run of the server, and tells the sink', async () => {
      const epoch = await enter();
      expect(epoch.name).toMatch(new RegExp(`^sink\\.${await runOf(redis)}\\.none[0-9a-z]{9}[0-9a-f]{12}$`));
      expect(sink.epochs).toEqual([epoch.name]);
      expect(await published()).toBe(epoch.name);
      expect(await lock()).toBeNull();
    });

    test('consumers that come later enter the same epoch', async () => {
      const first = await enter();
      const rebuild = vi.fn<Rebuild>();
      expect((await enter(rebuild)).name).toBe(first.name);
      expect(rebuild).not.toHaveBeenCalled();
      expect(sink.epochs).toHaveLength(1);
    });

    test('of two consumers that come at once, one rebuilds and the other waits', async () => {
      let finish = () => {};
      const done = new Promise<void>((resolve) => (finish = resolve));
      const rebuild = vi.fn<Rebuild>(() => done);
      const both = Promise.all([enter(rebuild), enter(rebuild)]);
      await waitFor(() => expect([rebuild.mock.calls.length, clock.sleepers]).toEqual([1, 2]));
      // The other asks again and again.
      for (let n = 0; n < 4; n++) {
        await clock.advance(250);
        await waitFor(() => expect(clock.sleepers).toBe(2));
      }
      finish();
      await waitFor(() => expect(published()).resolves.not.toBeNull());
      await clock.advance(250);
      const [one, other] = await both;
      expect(other.name).toBe(one.name);
      expect(rebuild).toHaveBeenCalledTimes(1);
    });

    test('an epoch of another sink is over: its keys are removed, and the cursors are void', async () => {
      const old = await enter();
      await redis.hset(old.keys.ledger('customers'), 'k', 'hash 1 m1');
      const other = new PlainSink('other');
      const epoch = await enter(undefined, other);
      expect(epoch.name).toMatch(/^other\./);
      expect(other.epochs).toEqual([epoch.name]);
      expect(await redis.hget(old.keys.ledger('customers'), 'k')).toBeNull();
      expect(await generation()).toBe('1');
    });

    test('an epoch of an earlier run of the server is over, and the cursors stay valid', async () => {
      await redis.set(ledgerKeys(pipeline, '').epoch, 'sink.another-run.abcdef');
      expect((await enter()).name).not.toContain('another-run');
      expect(await generation()).toBeNull();
    });

    test('an epoch that the sink does not know is over', async () => {
      const old = await enter();
      sink.epochs.push('restored from a backup');
      const epoch = await enter();
      expect(epoch.name).not.toBe(old.name);
      expect(sink.epochs.at(-1)).toBe(epoch.name);
    });

    test('an epoch whose output went back to an older state is over: the output is renamed, and the cursors are void', async () => {
      const old = await enter();
      sink.lost = 'a part is gone';
      const epoch = await enter();
      expect(epoch.name).toMatch(/^sink-renewed\./);
      expect((await enter()).name).toBe(epoch.name);
      expect(await generation()).toBe('1');
      expect(await redis.hgetall(old.keys.marks)).toEqual({});
      expect(await redis.hgetall(epoch.keys.marks)).toEqual({ written: '0' });
    });

    test('an epoch of an earlier run of the server is not forgiven what its output lost', async () => {
      const old = await enter();
      await redis.set(ledgerKeys(pipeline, '').epoch, old.name.replace(await runOf(redis), 'another-run'));
      sink.lost = 'a part is gone';
      expect((await enter()).name).toMatch(/^sink-renewed\./);
      expect(await generation()).toBe('1');
    });

    test('an epoch that a person doubts is over: it is rebuilt with doubt, and the cursors stay valid', async () => {
      const old = await enter();
      await redis.hset(old.keys.ledger('customers'), 'k', 'hash 1 m1');
      await doubtLedger(redis, pipeline);
      await doubtLedger(redis, pipeline);
      const rebuild = vi.fn<Rebuild>();
      const epoch = await enter(rebuild);
      expect(rebuild.mock.calls.map(([keys, isDoubted]) => [keys.leases, isDoubted])).toEqual([
        [epoch.keys.leases, true],
      ]);
      expect(epoch.name).not.toBe(old.name);
      expect(await redis.hget(old.keys.ledger('customers'), 'k')).toBeNull();
      expect(await generation()).toBeNull();
    });

    test('a ledger that is doubted while it is rebuilt is rebuilt once more', async () => {
      const rebuild = vi.fn<Rebuild>().mockImplementationOnce(() => doubtLedger(redis, pipeline));
      const epoch = await enter(rebuild);
      expect(rebuild.mock.calls.map(([, isDoubted]) => isDoubted)).toEqual([false, true]);
      expect(sink.epochs).toHaveLength(2);
      expect(await published()).toBe(epoch.name);
    });

    test('a rebuild that does not end is begun again for the same reasons, and what it has filled is removed', async () => {
      await enter();
      await doubtLedger(redis, pipeline);
      let left = '';
      const rebuild = vi.fn<Rebuild>().mockImplementationOnce(async (keys) => {
        left = keys.ledger('customers');
        await redis.hset(left, 'k', 'hash 1 m1');
        throw new Error('the sink is away');
      });
      const entering = enter(rebuild);
      await waitFor(() => expect([rebuild.mock.calls.length, clock.sleepers]).toEqual([1, 2]));
      await clock.advance(1_000);
      await waitFor(() => expect(lock()).resolves.toBeNull());
      await waitFor(() => expect(clock.sleepers).toBe(1));
      await clock.advance(250);
      const epoch = await entering;
      expect(rebuild.mock.calls.map(([, isDoubted]) => isDoubted)).toEqual([true, true]);
      expect(await redis.hget(left, 'k')).toBeNull();
      const again = vi.fn<Rebuild>();
      await redis.del(epoch.keys.epoch);
      await enter(again);
      expect(again.mock.calls.map(([, isDoubted]) => isDoubted)).toEqual([false]);
    });

    const failsOnce = (after: () => void) =>
      vi.fn<Rebuild>().mockImplementationOnce(async () => {
        after();
        throw new Error('the consumer died');
      });
    const enterAfterFailure = async (after: () => void): Promise<Epoch> => {
      const rebuild = failsOnce(after);
      const entering = enter(rebuild);
      await waitFor(() => expect([rebuild.mock.calls.length, clock.sleepers]).toEqual([1, 2]));
      await clock.advance(1_000);
      await waitFor(() => expect(lock()).resolves.toBeNull());
      await waitFor(() => expect(clock.sleepers).toBe(1));
      await clock.advance(250);
      return entering;
    };

    test('an output that goes back while a rebuild does not end is noticed by the next: it is renamed, and the cursors are void', async () => {
      const old = await enter();
      await redis.set(ledgerKeys(pipeline, '').epoch, old.name.replace(await runOf(redis), 'another-run'));
      const epoch = await enterAfterFailure(() => (sink.lost = 'a part is gone'));
      expect(epoch.name).toMatch(/^sink-renewed\./);
      expect(await generation()).toBe('1');
    });

    test('an output that gets another name while a rebuild does not end voids the cursors', async () => {
      const old = await enter();
      await redis.set(ledgerKeys(pipeline, '').epoch, old.name.replace(await runOf(redis), 'another-run'));
      const epoch = await enterAfterFailure(() => void sink.renew());
      expect(epoch.name).toMatch(/^sink-renewed\./);
      expect(await generation()).toBe('1');
    });

    test('a rebuild that does not end voids no cursors of an output that has lost nothing', async () => {
      const old = await enter();
      await redis.set(ledgerKeys(pipeline, '').epoch, old.name.replace(await runOf(redis), 'another-run'));
      const epoch = await enterAfterFailure(() => {});
      expect(epoch.name).toMatch(/^sink\./);
      expect(await generation()).toBeNull();
    });

    test('an epoch that is lost is followed by one with a name that was never used', async () => {
      const old = await enter();
      await redis.del(ledgerKeys(pipeline, '').epoch);
      expect((await enter()).name).not.toBe(old.name);
    });

    test('the sink is told before the ledger is filled, and the other consumers after', async () => {
      let seen: unknown;
      const epoch = await enter(async (keys) => {
        seen = { sink: sink.epochs.length, published: await published(), key: keys.leases };
      });
      expect(seen).toEqual({ sink: 1, published: null, key: ledgerKeys(pipeline, epoch.name).leases });
    });

    test('a rebuild that fails is tried again after a second, by any consumer', async () => {
      const rebuild = vi.fn<Rebuild>().mockRejectedValueOnce(new Error('the sink is away'));
      const entering = enter(rebuild);
      await waitFor(() => expect(rebuild).toHaveBeenCalledTimes(1));
      // One sleeper keeps the lock, the other lets the second pass.
      await waitFor(() => expect(clock.sleepers).toBe(2));
      expect(await published()).toBeNull();
      await clock.advance(1_000);
      await waitFor(() => expect(lock()).resolves.toBeNull());
      await waitFor(() => expect(clock.sleepers).toBe(1));
      await clock.advance(250);
      expect((await entering).name).toBe(await published());
      expect(rebuild).toHaveBeenCalledTimes(2);
    });

    test('the consumer that rebuilds keeps the lock for as long as that takes', async () => {
      let finish = () => {};
      // Made before it is waited for: all may be as it should before the rebuild itself begins.
      const done = new Promise<void>((resolve) => (finish = resolve));
      const entering = enter(() => done);
      await waitFor(() => expect(lock()).resolves.not.toBeNull());
      await waitFor(() => expect(clock.sleepers).toBe(1));
      // It runs out by Redis's clock, and this machine may stand still for seconds. So it is given an hour, and a renewal is seen by the
      // 15 s that it leaves.
      const hour = 3_600_000;
      await redis.pexpire(rebuildLockKey(pipeline), hour);
      await waitFor(async () => {
        await clock.advance(5_000);
        const left = await redis.pttl(rebuildLockKey(pipeline));
        expect([left > 0, left <= 15_000]).toEqual([true, true]);
      });
      await redis.pexpire(rebuildLockKey(pipeline), hour);
      finish();
      await entering;
    });

    test('a consumer that was held up past its lock never publishes, and does not keep the lock of its successor', async () => {
      let wake = () => {};
      const awake = new Promise<void>((resolve) => (wake = resolve));
      const late = enter(() => awake);
      await waitFor(() => expect(sink.epochs).toHaveLength(1));
      await waitFor(() => expect(clock.sleepers).toBe(1));
      await redis.del(rebuildLockKey(pipeline));
      let finish = () => {};
      const done = new Promise<void>((resolve) => (finish = resolve));
      const successor = enter(() => done);
      await waitFor(() => expect(sink.epochs).toHaveLength(2));
      await waitFor(() => expect(clock.sleepers).toBe(2));
      const [token] = [await lock()];
      wake();
      await waitFor(() => expect(clock.sleepers).toBe(2));
      expect([await published(), await lock()]).toEqual([null, token]);
      finish();
      const { name: epoch } = await successor;
      await clock.advance(250);
      expect((await late).name).toBe(epoch);
      expect(sink.epochs).toEqual([expect.any(String), epoch]);
    });

    test('the lock of a consumer that dies while it rebuilds runs out, and another rebuilds', async () => {
      void enter(() => new Promise(() => {}));
      await waitFor(() => expect(sink.epochs).toHaveLength(1));
      await redis.pexpire(rebuildLockKey(pipeline), 1);
      await waitFor(() => expect(lock()).resolves.toBeNull());
      const epoch = await enter();
      expect(sink.epochs.at(-1)).toBe(epoch.name);
    });

    test('a consumer that is stopped while it waits does not wait any more', async () => {
      await redis.set(rebuildLockKey(pipeline), 'another consumer');
      const entering = enter();
      await waitFor(() => expect(clock.sleepers).toBe(1));
      stop.abort();
      await expect(entering).rejects.toBeInstanceOf(WriterLost);
    });
  });
}
