import { beforeEach, describe, expect, test } from 'vitest';
import { Batcher } from '../../src/write/batch.js';
import { FakeClock, settled } from '../support/fake-clock.js';

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe('a batch', () => {
  let clock: FakeClock;
  let flushed: number[][];
  let errors: unknown[];
  /** Replaced by a test that needs a flush to take long, or to fail. */
  let write: () => Promise<void>;
  let batch: Batcher<number>;
  beforeEach(() => {
    clock = new FakeClock();
    flushed = [];
    errors = [];
    write = async () => {};
    batch = new Batcher<number>({
      size: 10,
      interval: 30_000,
      bytesOf: () => 1_000,
      clock,
      flush: (group) => {
        flushed.push([...group]);
        return write();
      },
      onError: (error) => errors.push(error),
    });
  });

  test('is written at once when it is full', async () => {
    batch.add(upTo(1, 9));
    await settled();
    expect(flushed).toEqual([]);
    batch.add(upTo(10, 10));
    await settled();
    expect(flushed).toEqual([upTo(1, 10)]);
    expect(batch.isEmpty).toBe(true);
  });

  test('is written when its oldest entry has waited for the interval, and not before', async () => {
    batch.add(upTo(1, 1));
    await clock.advance(20_000);
    batch.add(upTo(2, 2));
    await clock.advance(9_999);
    expect(flushed).toEqual([]);
    expect(batch.isEmpty).toBe(false);
    await clock.advance(1);
    expect(flushed).toEqual([[1, 2]]);
  });

  test('does not wait for a clock that was set back to catch up', async () => {
    batch.add(upTo(1, 1));
    await clock.advance(10_000);
    clock.step(-3_600_000);
    await clock.advance(20_000);
    expect(flushed).toEqual([[1]]);
  });

  test('is written in whole tens; what is left waits for its own interval', async () => {
    batch.add(upTo(1, 3));
    await clock.advance(25_000);
    batch.add(upTo(4, 25));
    await settled();
    expect(flushed).toEqual([upTo(1, 20)]);
    await clock.advance(29_999);
    expect(flushed).toHaveLength(1);
    await clock.advance(1);
    expect(flushed).toEqual([upTo(1, 20), upTo(21, 25)]);
  });

  test('starts no timer when nothing is left, and a new one for what comes next', async () => {
    batch.add(upTo(1, 10));
    await settled();
    expect(clock.sleepers).toBe(0);
    await clock.advance(100_000);
    batch.add(upTo(11, 11));
    expect(clock.sleepers).toBe(1);
    await clock.advance(30_000);
    expect(flushed).toEqual([upTo(1, 10), [11]]);
  });

  test('tells since when its oldest entry has waited', async () => {
    expect(batch.oldestSince).toBeUndefined();
    const since = clock.monotonic();
    batch.add(upTo(1, 1));
    await clock.advance(1_000);
    batch.add(upTo(2, 2));
    expect(batch.oldestSince).toBe(since);
    await batch.flushNow();
    expect(batch.oldestSince).toBeUndefined();
  });

  test('tells the same while it is being written, and how long each entry waited for the others', async () => {
    let waits: readonly number[] = [];
    let finish = () => {};
    const slow = new Batcher<number>({
      size: 2,
      interval: 30_000,
      bytesOf: () => 1_000,
      clock,
      onError: () => {},
      flush: (_, waited) => {
        waits = waited;
        return new Promise((resolve) => (finish = resolve));
      },
    });
    const since = clock.monotonic();
    slow.add(upTo(1, 1));
    await clock.advance(4_000);
    slow.add(upTo(2, 2));
    await clock.advance(60_000);
    expect(slow.oldestSince).toBeUndefined();
    expect(slow.oldestUnwrittenSince).toBe(since);
    expect(waits).toEqual([4_000, 0]);
    finish();
    await settled();
    expect(slow.oldestUnwrittenSince).toBeUndefined();
  });

  test('that fills up while another is written waits for it, and is written together with the next', async () => {
    let finish = () => {};
    write = () => new Promise((resolve) => (finish = resolve));
    batch.add(upTo(1, 10));
    batch.add(upTo(11, 20));
    batch.add(upTo(21, 30));
    await settled();
    expect(flushed).toEqual([upTo(1, 10)]);
    finish();
    await settled();
    expect(flushed).toEqual([upTo(1, 10), upTo(11, 30)]);
    finish();
    await settled();
    expect(batch.isEmpty).toBe(true);
  });

  test('is written on request, whether or not it is full', async () => {
    batch.add(upTo(1, 3));
    await batch.flushNow();
    expect(flushed).toEqual([[1, 2, 3]]);
    expect(clock.sleepers).toBe(0);
    await batch.flushNow();
    expect(flushed).toHaveLength(1);
  });

  test('that is requested while another is written is waited for', async () => {
    let finish = () => {};
    write = () => new Promise((resolve) => (finish = resolve));
    batch.add(upTo(1, 12));
    let done = false;
    void batch.flushNow().then(() => {
      done = true;
    });
    finish();
    await settled();
    expect([flushed, done]).toEqual([[upTo(1, 10), [11, 12]], false]);
    finish();
    await settled();
    expect(done).toBe(true);
  });

  test('whose interval ends while another is written is written after it', async () => {
    let finish = () => {};
    write = () => new Promise((resolve) => (finish = resolve));
    batch.add(upTo(1, 11));
    await clock.advance(30_000);
    expect(flushed).toEqual([upTo(1, 10)]);
    finish();
    await settled();
    expect(flushed).toEqual([upTo(1, 10), [11]]);
  });

  test('that cannot be written is reported', async () => {
    write = () => Promise.reject(new Error('the writer has ended'));
    batch.add(upTo(1, 10));
    await settled();
    expect(errors).toEqual([new Error('the writer has ended')]);
  });

  test('has room until 4 MB wait while others are written, and again when these are written', async () => {
    let finish = () => {};
    write = () => new Promise((resolve) => (finish = resolve));
    batch.add(upTo(1, 10_000));
    expect(batch.room()).toBeUndefined();
    batch.add(upTo(1, 4_190));
    expect(batch.room()).toBeUndefined();
    batch.add(upTo(4_191, 4_200));
    let hasRoom = false;
    void batch.room()?.then(() => {
      hasRoom = true;
    });
    await settled();
    expect(hasRoom).toBe(false);
    finish();
    await settled();
    expect([hasRoom, batch.room(), flushed[1]?.length]).toEqual([true, undefined, 4_200]);
    finish();
    await settled();
    expect(batch.isEmpty).toBe(true);
  });

  test('is written before it is full when its records take 64 MB, and the next one begins anew', async () => {
    const large = new Batcher<number>({
      size: 500,
      interval: 30_000,
      bytesOf: (entry) => (entry < 100 ? 4 * 1024 ** 2 : 1_000),
      clock,
      onError: (error) => errors.push(error),
      flush: async (group) => void flushed.push([...group]),
    });
    large.add(upTo(1, 8));
    large.add(upTo(9, 15));
    await settled();
    expect(flushed).toEqual([]);
    large.add(upTo(16, 16));
    await settled();
    expect(flushed).toEqual([upTo(1, 16)]);
    large.add(upTo(101, 600));
    await settled();
    expect(flushed).toEqual([upTo(1, 16), upTo(101, 600)]);
    expect(large.isEmpty).toBe(true);
  });

  test('counts the memory of what is left when full batches were written', async () => {
    const large = new Batcher<number>({
      size: 10,
      interval: 30_000,
      bytesOf: () => 7 * 1024 ** 2,
      clock,
      onError: (error) => errors.push(error),
      flush: async (group) => void flushed.push([...group]),
    });
    large.add(upTo(1, 19));
    await settled();
    expect(flushed).toEqual([upTo(1, 10)]);
    large.add(upTo(20, 20));
    await settled();
    expect(flushed).toEqual([upTo(1, 10), upTo(11, 20)]);
  });

  test.each([
    ['cannot be written', () => Promise.reject(new Error('the writer has ended'))],
    ['are abandoned', () => new Promise<void>(() => {})],
  ])('lets no caller wait for room when the batches before %s', async (_, outcome) => {
    let end = () => {};
    write = () => new Promise<void>((resolve) => (end = resolve)).then(outcome);
    batch.add(upTo(1, 10));
    batch.add(upTo(1, 5_000));
    const room = batch.room();
    expect(room).toBeDefined();
    end();
    batch.abandon();
    await room;
  });

  test('that was abandoned is never written', async () => {
    let finish = () => {};
    write = () => new Promise((resolve) => (finish = resolve));
    batch.add(upTo(1, 25));
    batch.abandon();
    finish();
    await clock.advance(60_000);
    expect(flushed).toEqual([upTo(1, 20)]);
    expect(batch.isEmpty).toBe(true);
  });

  test('of size one is written entry by entry, as entries come', async () => {
    const single = new Batcher<number>({
      size: 1,
      interval: 30_000,
      bytesOf: () => 1_000,
      clock,
      onError: () => {},
      flush: async (group) => void flushed.push([...group]),
    });
    single.add(upTo(1, 1));
    await settled();
    single.add(upTo(2, 3));
    await settled();
    expect(flushed).toEqual([[1], [2, 3]]);
  });
});
