import { ReleaseList } from '@tributary/shared';
import { expect, test } from 'vitest';
import type { Bench } from '../src/bench.js';
import { interleave } from '../src/interleave.js';
import { Servers } from '../src/servers.js';

function benchThatSays(lines: string[], signal = new AbortController().signal): Bench {
  const say = (line: string) => void lines.push(line);
  const release = new ReleaseList();
  const servers = new Servers(release, say); // starts none unless a figure asks for one
  return { quick: true, servers, folder: '', environment: {}, profiles: undefined, say, signal, release };
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

test('a run that was stopped measures nothing more', async () => {
  const stop = new AbortController();
  let rounds = 0;
  const ours = async () => {
    rounds += 1;
    stop.abort(new Error('stopped'));
    return 1;
  };
  const measuring = interleave(benchThatSays([], stop.signal), 'e2e', 3, { ours, limit: async () => 1 });
  await expect(measuring).rejects.toThrow('stopped');
  expect(rounds).toBe(1);
});
