import { describe, expect, it, onTestFinished } from 'vitest';
import { Leases } from '../../src/leases/leases.js';
import { type LeaseTable, memoryLeaseTable } from '../../src/leases/table.js';
import { recordingLog } from '../support/log.js';
import { ManualClock } from '../support/manual-clock.js';

/** A producer's leases at a table that can be told not to answer, and what it is told of them. */
function setUp(table: LeaseTable, me = 'me', clock = new ManualClock(), endpoints = ['a']) {
  const told: string[] = [];
  const busy = new Set<string>();
  const answers = { silent: false };
  const never = new Promise<never>(() => {});
  const { log, lines } = recordingLog();
  const leases = new Leases({
    table: {
      ...table,
      announce: (...args) => (answers.silent ? never : table.announce(...args)),
      claim: (...args) => (answers.silent ? never : table.claim(...args)),
    },
    me,
    endpoints,
    clock,
    log,
    monotonic: () => clock.now(),
    isBusy: (id) => busy.has(id),
    onHeld: (id) => void told.push(`held ${id}`),
    onLost: (id) => void told.push(`lost ${id}`),
    onClaim: (id, { paused, asked }) => {
      if (paused || asked !== undefined) told.push(`${id} ${paused ? 'paused' : asked}`);
    },
  });
  onTestFinished(() => leases.leave());
  return { leases, told, busy, answers, clock, lines };
}

describe('the leases of a producer', () => {
  it('are taken at the first beat, and kept', async () => {
    const { leases, told, clock } = setUp(memoryLeaseTable());
    leases.start();
    await clock.advance(60_000);
    expect([told, leases.fence('a'), leases.claim('a')?.holder]).toEqual([['held a'], 1, 'me']);
  });

  it('are lost when the table does not answer in time, before another producer can have them', async () => {
    const { leases, told, answers, clock, lines } = setUp(memoryLeaseTable());
    leases.start();
    await clock.advance(0);
    answers.silent = true;
    await clock.advance(5_000);
    expect(told).toEqual(['held a']);
    await clock.advance(2_000);
    expect([told, leases.fence('a')]).toEqual([['held a', 'lost a'], undefined]);
    expect(lines.some(({ msg }) => msg.includes('have run out'))).toBe(true);
  });

  it('do not count once they have expired, also before that was checked', async () => {
    const { leases, clock } = setUp(memoryLeaseTable());
    leases.start();
    await clock.advance(0);
    clock.set(clock.now() + 7_000);
    expect(leases.fence('a')).toBeUndefined();
  });

  it('pass to another producer only when no run is in progress', async () => {
    const table = memoryLeaseTable();
    const clock = new ManualClock();
    const one = setUp(table, 'one', clock, ['a', 'b']);
    one.leases.start();
    await clock.advance(0);
    for (const id of ['a', 'b']) one.busy.add(id);
    const two = setUp(table, 'two', clock, ['a', 'b']);
    two.leases.start();
    await clock.advance(10_000);
    expect([one.told, two.told]).toEqual([['held a', 'held b'], []]);
    one.busy.clear();
    await clock.advance(5_000);
    expect([one.told.length, two.told.length]).toEqual([3, 1]);
  });

  it('tell what a person asks for, at once if a beat is requested', async () => {
    const table = memoryLeaseTable();
    const { leases, told, clock } = setUp(table);
    leases.start();
    await clock.advance(0);
    await table.ask('a', 'run');
    await table.pause('a', true);
    leases.beatNow();
    await clock.advance(0);
    expect(told).toEqual(['held a', 'a paused']);
  });

  it('are given back by leaving, also before starting, and also twice', async () => {
    const table = memoryLeaseTable();
    const { leases, clock } = setUp(table);
    await leases.leave();
    leases.start();
    await clock.advance(0);
    await leases.leave();
    await leases.leave();
    expect((await table.claim('other', new Map([['a', true]]), 1)).get('a')?.holder).toBe('other');
  });
});
