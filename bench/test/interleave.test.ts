import { ReleaseList } from '@tributary/shared';
import { expect, test } from 'vitest';
import type { Bench } from '../src/bench.js';
import { interleave } from '../src/interleave.js';

function benchThatSays(lines: string[], signal = new AbortController().signal): Bench {
  const say = (line: string) => void lines.push(line);
  const unused = undefined as unknown as Bench['servers'];
  const rest = { quick: true, servers: unused, folder: '', environment: {}, profiles: undefined };
  return { ...rest, say, signal, release: new ReleaseList() };
}

test('ours and the limit take turns, and each round is kept', async () => {
  const order: string[] = [];
  const side = (name: string, speed: number) => async (round: number) => {
    order.push(`${name}${round}`);
    return speed * round;
  };
  const lines: string[] = [];
  const measured = await interleave(benchThatSays(lines), 'publish', 3, { ours: side('a', 10), limit: side('b', 40) });
  expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  expect(measured).toMatchObject({ value: 20, limit: 80, ratio: 0.25, spread: 0 });
  expect(measured.more?.rounds).toEqual([10, 20, 30].map((value) => ({ value, limit: value * 4 })));
  expect(lines).toHaveLength(3);
});

test('a single round has no spread', async () => {
  const measured = await interleave(benchThatSays([]), 'e2e', 1, { ours: async () => 1, limit: async () => 2 });
  expect(measured).not.toHaveProperty('spread');
});

test('a run that was broken off measures nothing more', async () => {
  const stop = new AbortController();
  let rounds = 0;
  const ours = async () => {
    rounds += 1;
    stop.abort(new Error('broken off'));
    return 1;
  };
  const measuring = interleave(benchThatSays([], stop.signal), 'e2e', 3, { ours, limit: async () => 1 });
  await expect(measuring).rejects.toThrow('broken off');
  expect(rounds).toBe(1);
});
