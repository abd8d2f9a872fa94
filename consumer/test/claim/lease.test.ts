import { beforeEach, describe, expect, test } from 'vitest';
import { Lease } from '../../src/claim/lease.js';
import { WriterLost } from '../../src/writer-lost.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { log } from '../support/records.js';

/** The part of a ledger that a lease needs. */
class Leases {
  renewals: number[] = [];
  released = 0;
  answer: () => Promise<void> = async () => {};

  renewLease(milliseconds: number): Promise<void> {
    this.renewals.push(milliseconds);
    return this.answer();
  }

  async releaseLease(): Promise<void> {
    this.released++;
  }
}

describe('a lease', () => {
  let clock: FakeClock;
  let leases: Leases;
  let lease: Lease;
  let losses: WriterLost[];
  beforeEach(() => {
    clock = new FakeClock();
    leases = new Leases();
    losses = [];
    lease = new Lease({ ledger: leases, clock, log, onLost: (error) => losses.push(error) });
  });
  /** `held`, `waiting`, or the reason why it can never be held. */
  const state = async (): Promise<string> => {
    let found = 'waiting';
    lease.held().then(
      () => (found = 'held'),
      (error: Error) => (found = error.message),
    );
    await settled();
    return found;
  };

  test('is not held before it is taken', async () => {
    expect(await state()).toBe('waiting');
    await lease.take();
    expect(await state()).toBe('held');
    await lease.release(false);
  });

  test('is held for as long as it is renewed', async () => {
    await lease.take();
    await clock.advance(60_000);
    expect(leases.renewals).toHaveLength(1 + 60 / 2.5);
    expect(new Set(leases.renewals)).toEqual(new Set([10_000]));
    expect(await state()).toBe('held');
    await lease.release(false);
  });

  test('lasts from when it was asked for, not from when the answer came', async () => {
    let answer = () => {};
    leases.answer = () => new Promise((resolve) => (answer = resolve));
    const taken = lease.take();
    await clock.advance(8_000);
    answer();
    await taken;
    expect(await state()).toBe('waiting');
    await lease.release(false);
  });

  test('is not surely held when no renewal was answered for three quarters of its time; then callers wait for it', async () => {
    await lease.take();
    let answer = () => {};
    leases.answer = () => new Promise((resolve) => (answer = resolve));
    await clock.advance(7_500);
    expect(await state()).toBe('held');
    await clock.advance(1);
    const waiting = lease.held();
    expect(await state()).toBe('waiting');
    // The renewal that was sent after 2.5 s counts from then, so the next one is needed.
    answer();
    await settled();
    leases.answer = async () => {};
    await clock.advance(2_500);
    await waiting;
    await lease.release(false);
  });

  test.each([-3_600_000, 3_600_000])(
    'is held no longer and no shorter when the time of day is set by %i ms',
    async (step) => {
      await lease.take();
      leases.answer = () => Promise.reject(new Error('Redis is away'));
      clock.step(step);
      await clock.advance(7_500);
      expect(await state()).toBe('held');
      await clock.advance(1);
      expect(await state()).toBe('waiting');
      await lease.release(false);
    },
  );

  test('is renewed again when a renewal failed', async () => {
    await lease.take();
    leases.answer = () => Promise.reject(new Error('Redis is away'));
    await clock.advance(9_000);
    expect(await state()).toBe('waiting');
    expect(losses).toEqual([]);
    leases.answer = async () => {};
    await clock.advance(2_500);
    expect(await state()).toBe('held');
    await lease.release(false);
  });

  test('that is lost is lost for good: callers that wait are told, and the session is told once', async () => {
    await lease.take();
    leases.answer = () => Promise.reject(new WriterLost('fenced'));
    await clock.advance(2_500);
    expect(losses).toEqual([new WriterLost('fenced')]);
    expect(await state()).toContain('has taken over from this writer');
    const { length } = leases.renewals;
    await clock.advance(60_000);
    expect(leases.renewals).toHaveLength(length);
    expect(losses).toHaveLength(1);
  });

  test('that is lost while a caller waits for it tells the caller', async () => {
    await lease.take();
    leases.answer = () => Promise.reject(new Error('Redis is away'));
    await clock.advance(9_000);
    const waiting = expect(lease.held()).rejects.toEqual(new WriterLost('lost'));
    leases.answer = () => Promise.reject(new WriterLost('lost'));
    await clock.advance(2_500);
    await waiting;
  });

  test('that was given back is not renewed and not held any more', async () => {
    await lease.take();
    await lease.release(true);
    await clock.advance(60_000);
    expect(leases.renewals).toHaveLength(1);
    expect(leases.released).toBe(1);
    expect(await state()).toBe('this writer has ended');
    expect(losses).toEqual([]);
  });

  test('that cannot be taken says why', async () => {
    leases.answer = () => Promise.reject(new WriterLost('lost'));
    await expect(lease.take()).rejects.toThrow('flushed, restarted or replaced');
  });
});
