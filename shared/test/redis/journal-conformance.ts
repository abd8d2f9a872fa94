import { describe, expect, test } from 'vitest';
import type { LoggedRun, RunLog, SeenAgain } from '../../src/index.js';

const never = new AbortController().signal;
const run = (number: number, startedAt: number): LoggedRun => ({
  run: number,
  producer: 'p1',
  startedAt,
  idsFrom: startedAt,
  endedAt: startedAt + 50,
  confirmedAt: startedAt + 40,
  published: 3,
});

/** What every log of runs must do. @param open an empty one that keeps so many */
export function describeRunLog(name: string, open: (kept: number) => RunLog): void {
  describe(`the ${name} log of runs`, () => {
    test("finds the run that was going on at a message id's time, of its endpoint alone", async () => {
      const log = open(10);
      await log.add('a', run(1, 1_000));
      await log.add('a', run(2, 2_000));
      await log.add('b', run(7, 1_020));
      expect(await log.find('a', 1_000)).toEqual({ run: run(1, 1_000), since: 1_000 });
      expect((await log.find('a', 1_050)).run?.run).toBe(1);
      expect((await log.find('a', 2_049)).run?.run).toBe(2);
      expect((await log.find('b', 1_030)).run).toEqual(run(7, 1_020));
    });

    test('names no run for a time in which none was going on, or none is kept', async () => {
      const log = open(10);
      expect(await log.find('a', 5)).toEqual({ run: undefined, since: undefined });
      await log.add('a', run(1, 1_000));
      expect(await log.find('a', 1_051)).toEqual({ run: undefined, since: 1_000 });
      expect(await log.find('a', 999)).toEqual({ run: undefined, since: 1_000 });
    });

    test('knows the ids of a run whose clock was behind, which are of a later time than it ran at', async () => {
      const log = open(10);
      await log.add('a', { ...run(1, 1_000), idsFrom: 9_000 });
      expect((await log.find('a', 9_000)).run?.run).toBe(1);
      expect((await log.find('a', 1_010)).run).toBeUndefined();
    });

    test('keeps the last of them', async () => {
      const log = open(3);
      for (let number = 1; number <= 5; number++) await log.add('a', run(number, number * 1_000));
      expect(await log.find('a', 2_000)).toEqual({ run: undefined, since: 3_000 });
      expect((await log.find('a', 5_000)).run?.run).toBe(5);
    });
  });
}

/** What all notes of what came again must do. @param open empty ones, of which old ones go when there are many */
export function describeSeenAgain(name: string, open: () => SeenAgain): void {
  describe(`the ${name} notes of what came again`, () => {
    const note = (notes: SeenAgain, consumer: string, duplicate: string[], stale: string[] = [], dataset = 'd') =>
      notes.note({ consumer, dataset, keys: { duplicate, stale } });

    test('tell when a key last came, to whom, and what was said of it', async () => {
      const notes = open();
      note(notes, 'one', ['a', 'b']);
      note(notes, 'two', ['c'], ['a']);
      note(notes, 'three', ['a'], [], 'other');
      const { last, since } = await notes.last('d', 'a', never);
      expect(last).toMatchObject({ consumer: 'two', verdict: 'stale' });
      expect(last?.at).toBeGreaterThanOrEqual(since ?? Number.POSITIVE_INFINITY);
      expect((await notes.last('d', 'b', never)).last).toMatchObject({ consumer: 'one', verdict: 'duplicate' });
      expect((await notes.last('d', 'x', never)).last).toBeUndefined();
    });

    test('know nothing while nothing came again', async () => {
      expect(await open().last('d', 'a', never)).toEqual({ last: undefined, since: undefined });
    });

    test('take a key for no part of another, whatever it holds', async () => {
      const notes = open();
      const odd = ['a b', 'a","b', '\\', 'é\n🦊', '["a"]', ''];
      note(notes, 'one', odd);
      for (const key of odd) expect((await notes.last('d', key, never)).last?.consumer).toBe('one');
      for (const key of ['a', 'b', '"', '🦊']) expect((await notes.last('d', key, never)).last).toBeUndefined();
    });

    test('reach back a while, and no longer', async () => {
      const notes = open();
      note(notes, 'first', ['first']);
      for (let n = 0; n < 1_500; n++) note(notes, 'one', [`k${n}`]);
      expect((await notes.last('d', 'k1499', never)).last?.consumer).toBe('one');
      expect((await notes.last('d', 'k1400', never)).last?.consumer).toBe('one');
      expect((await notes.last('d', 'first', never)).last).toBeUndefined();
    });

    test('do not grow with the length of keys', async () => {
      const notes = open();
      const long = (n: number) => `${n}${'x'.repeat(500)}`;
      note(
        notes,
        'one',
        Array.from({ length: 256 }, (_, n) => long(n)),
      );
      expect((await notes.last('d', long(0), never)).last?.consumer).toBe('one');
      expect((await notes.last('d', long(255), never)).last).toBeUndefined();
    });
  });
}
