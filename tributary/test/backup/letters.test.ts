import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type LookAtLetters, linesOfLetters } from '../../src/backup/letters.js';

const LETTERS = 5_000;

/** Looks at many letters at a time, as the dashboard does. @param ended gets whether the look has come to an end */
function looking(told: { begun: number; ended?: true }, fails = false): LookAtLetters {
  return async (visit, signal) => {
    try {
      for (let at = 0; at < LETTERS && !signal.aborted; at += 100) {
        const visits = Array.from({ length: 100 }, (_, index) => {
          told.begun += 1;
          const properties = { headers: {} } as Parameters<typeof visit>[0]['properties'];
          return visit({ queue: 'q', properties, content: Buffer.alloc(1_000, 'x') }, { id: String(at + index) });
        });
        await Promise.all(visits);
        if (fails && at > 1_000) throw new Error('RabbitMQ went away');
      }
      signal.throwIfAborted();
    } finally {
      told.ended = true;
    }
  };
}

test('letters wait until those before them are written, and all come, once', async () => {
  const told = { begun: 0 };
  const seen = new Set(['7', '4999']);
  const lines = linesOfLetters(looking(told), seen);
  const pieces = [(await lines.next()).value];
  for (let turn = 0; turn < 200; turn++) await setImmediate();
  expect(told.begun).toBeLessThan(500);
  for await (const piece of lines) pieces.push(piece);
  const found = Buffer.concat(pieces.filter((piece) => piece !== undefined))
    .toString()
    .trim()
    .split('\n');
  expect(found).toHaveLength(LETTERS - 2);
  expect(JSON.parse(found[0] ?? '')).toEqual({ queue: 'q', properties: { headers: {} }, content: 'x'.repeat(1_000) });
  expect(seen.size).toBe(LETTERS);
});

test('a look that fails is told, and one that nobody reads any more ends', async () => {
  const reading = async (told: { begun: number }, fails: boolean) => {
    for await (const _ of linesOfLetters(looking(told, fails), new Set())) if (!fails) break;
  };
  await expect(reading({ begun: 0 }, true)).rejects.toThrow('RabbitMQ went away');
  const told: { begun: number; ended?: true } = { begun: 0 };
  await reading(told, false);
  expect(told.ended).toBe(true);
  expect(told.begun).toBeLessThan(500);
});
