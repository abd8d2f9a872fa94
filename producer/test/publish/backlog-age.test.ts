import { Registry } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { measureBacklog } from '../../src/publish/backlog.js';
import { BacklogAge } from '../../src/publish/backlog-age.js';

const one = (count: number) => new Map([['run', count]]);

describe('the age of the oldest record of a backlog', () => {
  test('is nothing while none waits', () => {
    const age = new BacklogAge();
    expect(age.at(5_000)).toBe(0);
    age.look(6_000, new Map(), 0);
    age.look(8_000, one(100), 0);
    expect(age.at(9_000)).toBe(0);
  });

  test('counts on between two looks while nothing is settled', () => {
    const age = new BacklogAge();
    age.look(1_000, one(10), 10);
    age.look(3_000, one(30), 30);
    expect(age.at(3_500)).toBe(2_500);
  });

  test('is that of a record that is not settled, not that of the first that ever came', () => {
    const age = new BacklogAge();
    age.look(1_000, one(10), 10);
    age.look(3_000, one(30), 25);
    expect(age.at(3_000)).toBe(2_000);
    age.look(5_000, one(40), 15);
    expect(age.at(5_000)).toBe(2_000);
    age.look(7_000, one(40), 10);
    expect(age.at(7_000)).toBe(2_000);
    age.look(9_000, one(40), 0);
    expect(age.at(9_000)).toBe(0);
  });

  test('stays small under a steady load that is worked off, however long it lasts', () => {
    const age = new BacklogAge();
    for (let second = 1; second < 10_000; second++) age.look(second * 1_000, one(second * 100), 100);
    expect(age.at(9_999_000)).toBe(0);
    age.look(10_000_000, one(1_000_000), 250);
    expect(age.at(10_000_000)).toBeLessThanOrEqual(2_000);
  });

  test('does not begin anew with publications that are forgotten when they are settled', () => {
    const age = new BacklogAge();
    age.look(1_000, new Map([['a', 10]]), 10);
    const both = new Map([
      ['a', 10],
      ['b', 5],
    ]);
    age.look(2_000, both, 5);
    age.look(3_000, new Map([['b', 5]]), 5);
    expect(age.at(4_000)).toBe(2_000);
  });

  test('is kept of a backlog that grows for days, without a moment for each look', () => {
    const age = new BacklogAge();
    for (let look = 1; look <= 5_000; look++) age.look(look * 2_000, one(look), look);
    expect(age.at(10_000_000)).toBe(10_000_000 - 2_000);
  });

  test('is told by queue, in seconds', async () => {
    const registry = new Registry();
    let now = 0;
    const look = measureBacklog(registry, ['quiet', 'busy'], () => now);
    look([{ token: 't', endpoint: 'e', counts: { busy: 7 }, settled: { busy: 2 } }]);
    now = 4_500;
    const text = await registry.metrics();
    expect(text).toContain('tributary_backlog_records{queue="busy"} 5');
    expect(text).toContain('tributary_backlog_oldest_seconds{queue="busy"} 4.5');
    expect(text).toContain('tributary_backlog_oldest_seconds{queue="quiet"} 0');
  });
});
