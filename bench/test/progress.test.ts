import { expect, test } from 'vitest';
import { untilCount } from '../src/progress.js';

const never = new AbortController().signal;

test('waits until the count has reached its goal, and then checks no more', async () => {
  const counts = [0, 4, 9, 12, 99];
  await untilCount('rows', 10, async () => counts.shift() ?? 0, never);
  expect(counts).toEqual([99]);
});

test('an error of the count ends the wait', async () => {
  const counting = untilCount('rows', 10, () => Promise.reject(new Error('the consumer has ended')), never);
  await expect(counting).rejects.toThrow('the consumer has ended');
});

test('a run that is stopped waits no longer', async () => {
  const stop = new AbortController();
  const count = async () => {
    stop.abort(new Error('stopped'));
    return 0;
  };
  await expect(untilCount('rows', 10, count, stop.signal)).rejects.toThrow();
});
