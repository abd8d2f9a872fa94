import { expect, test } from 'vitest';
import { oneAhead } from '../../src/intake/one-ahead.js';
import { settled } from '../support/fake-clock.js';

async function* numbers(count: number) {
  for (let n = 1; n <= count; n++) yield n;
}

test('the next item is stepped while the present result is worked on, and no other', async () => {
  const begun: number[] = [];
  const step = async (n: number) => {
    begun.push(n);
    return n * 10;
  };
  const results: number[] = [];
  for await (const result of oneAhead(numbers(4), step)) {
    await settled();
    results.push(result);
    expect(begun).toHaveLength(Math.min(results.length + 1, 4));
  }
  expect(results).toEqual([10, 20, 30, 40]);
});

test('a step that fails is told in its turn, after what came before it', async () => {
  const results: number[] = [];
  const step = async (n: number) => {
    if (n === 3) throw new Error('the third');
    return n;
  };
  const work = async () => {
    for await (const result of oneAhead(numbers(4), step)) {
      // Time enough for the rejection to be taken for one that nobody hears of.
      await settled();
      results.push(result);
    }
  };
  await expect(work()).rejects.toThrow('the third');
  expect(results).toEqual([1, 2]);
});

test('whoever stops is not told of what failed ahead of it', async () => {
  const step = async (n: number) => {
    if (n === 2) throw new Error('ahead');
    return n;
  };
  const work = async () => {
    for await (const result of oneAhead(numbers(4), step)) {
      await settled();
      throw new Error(`of ${result}`);
    }
  };
  await expect(work()).rejects.toThrow('of 1');
});
