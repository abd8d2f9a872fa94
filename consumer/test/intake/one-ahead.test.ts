import { expect, test } from 'vitest';
import { oneAhead } from '../../src/intake/one-ahead.js';
import { settled } from '../support/fake-clock.js';

async function* numbers(count: number) {
  for (let n = 1; n <= count; n++) yield n;
}

test('the step of the next item runs while the caller works on the present result, and no other step', async () => {
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

test('the error of a step that fails is thrown in its turn, after the results before it', async () => {
  const results: number[] = [];
  const step = async (n: number) => {
    if (n === 3) throw new Error('the third');
    return n;
  };
  const work = async () => {
    for await (const result of oneAhead(numbers(4), step)) {
      // Long enough for Node to report the rejection if it were unhandled.
      await settled();
      results.push(result);
    }
  };
  await expect(work()).rejects.toThrow('the third');
  expect(results).toEqual([1, 2]);
});

test('a caller that stops does not get the error of a step ahead of it', async () => {
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

test('where a step fails, or the caller stops, the items are told that nobody asks for more', async () => {
  const ended: string[] = [];
  async function* items(name: string) {
    try {
      yield* [1, 2, 3];
    } finally {
      ended.push(name);
    }
  }
  const fail = async () => {
    throw new Error('of the step');
  };
  await expect(oneAhead(items('a step fails'), fail).next()).rejects.toThrow('of the step');
  for await (const _ of oneAhead(items('the caller stops'), async (n) => n)) break;
  await settled();
  expect(ended).toEqual(['a step fails', 'the caller stops']);
});
