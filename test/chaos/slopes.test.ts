import { describe, expect, test } from 'vitest';
import { FAULT_KINDS, type FaultKind } from '../src/chaos/plan.js';
import { judgeKept } from '../src/soak/kept.js';
import { judgeSlopes, LIMITS, type Sample } from '../src/soak/slopes.js';

const SECONDS = 600;

/** Samples of all that is judged; each is as said, or flat. */
function samplesOf(said: Readonly<Record<string, (at: number) => number | undefined>>): Sample[] {
  return Array.from({ length: SECONDS / 5 }, (_, index) => {
    const at = index * 5;
    const flat = Object.keys(LIMITS).map((ending) => [ending, 100 + (index % 7)]);
    const own = Object.entries(said).flatMap(([name, of]) => (of(at) === undefined ? [] : [[name, of(at)]]));
    const values = Object.fromEntries([...flat.filter(([name]) => !(String(name) in said)), ...own]);
    return { at, values };
  });
}

const growing = (samples: readonly Sample[]) =>
  judgeSlopes(samples, 'csv')
    .slopes.filter(({ isFlat }) => !isFlat)
    .map(({ name }) => name);

describe('slopes', () => {
  test('what stays as it is, or falls, is flat', () => {
    const samples = samplesOf({ sockets: (at) => 200 - at / 10 });
    expect(judgeSlopes(samples, 'csv').lacking).toEqual([]);
    expect(growing(samples)).toEqual([]);
  });

  test.each([
    ['consumer-1 resident memory', (at: number) => 150 + at / 10],
    ['producer-1 open files', (at: number) => 40 + Math.floor(at / 20)],
    ['keys in Redis', (at: number) => 4_000 + 2 * at],
    ['waiting messages', (at: number) => 20 * at],
  ])('what leaks is found, also among noise: %s', (name, of) => {
    const noisy = (at: number) => of(at) * (1 + 0.02 * Math.sin(at));
    expect(growing(samplesOf({ [name]: noisy }))).toEqual([name]);
  });

  test('what fills in the first third, and single peaks, are no leak', () => {
    const memory = (at: number) => Math.min(160, 60 + at) + (at % 150 === 0 ? 200 : 0);
    expect(growing(samplesOf({ 'consumer-1 resident memory': memory }))).toEqual([]);
  });

  test('what was hardly measured, or never, is told', () => {
    const samples = samplesOf({ sockets: (at) => (at < 550 ? undefined : 5), 'keys in Redis': () => undefined });
    expect(judgeSlopes(samples, 'csv').lacking).toEqual([
      'sockets: measured 10 times, and 12 are needed',
      'keys in Redis: never measured',
    ]);
  });

  test('what only another sink has need not be measured', () => {
    const samples = samplesOf({ 'files beside the rows': () => undefined });
    expect(judgeSlopes(samples, 'postgres').lacking).toEqual([]);
    expect(judgeSlopes(samples, 'csv').lacking).toEqual(['files beside the rows: never measured']);
  });
});

describe('what is kept of those that died', () => {
  const kills = (some: Partial<Record<FaultKind, number>>) =>
    ({ ...Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])), ...some }) as Record<FaultKind, number>;
  const cast = { producers: 2, consumers: 2, queues: 3 };
  const samples = (name: string, ...counts: readonly number[]) =>
    counts.map((count, at) => ({ at, values: { [name]: count } }));
  const writers = 'notes of fenced writers';
  const messages = 'notes of settled messages';

  test('may grow with their deaths', () => {
    const died = kills({ consumer: 3, pause: 1, rabbitmq: 1, producer: 9 });
    expect(judgeKept(samples(writers, 0, 9, 12, 1), died, cast)).toEqual([
      { name: writers, most: 12, allowed: 12, isBounded: true },
    ]);
    expect(judgeKept(samples(messages, 3, 39), died, cast)).toEqual([
      { name: messages, most: 39, allowed: 39, isBounded: true },
    ]);
  });

  test.each([
    [writers, kills({ consumer: 2 })],
    [messages, kills({ consumer: 90 })],
  ])('is told where there is more of it, also if it went again: %s', (name, died) => {
    expect(judgeKept(samples(name, 0, 7, 0), died, cast).map(({ isBounded }) => isBounded)).toEqual([false]);
  });

  test('is nothing where nothing was measured', () => {
    expect(judgeKept([{ at: 0, values: {} }], kills({}), cast)).toEqual([]);
  });
});
