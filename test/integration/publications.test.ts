import {
  type ConfirmedMessages,
  type NumberRun,
  NumbersOfQueue,
  type OpenPublication,
  type Publications,
  Redis,
  redisPrefix,
  redisPublications,
  redisSettledNotes,
  type SettledNotes,
} from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';

const TOKEN = '0123456789abcdef';

describe('what was confirmed and what is settled, in Redis', () => {
  let redis: Redis;
  let pipeline: string;
  let publications: Publications;
  let notes: SettledNotes;
  beforeEach(() => {
    redis = new Redis(inject('redisUrl'));
    pipeline = uniqueName('publications');
    publications = redisPublications(redis, pipeline);
    notes = redisSettledNotes(redis, pipeline);
  });
  afterEach(async () => {
    const keys = await redis.keys(`${redisPrefix(pipeline)}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  });
  const messages = (from: number, count: number, token = TOKEN): ConfirmedMessages => ({
    token,
    queue: 'q',
    from,
    to: Math.ceil((from + count) / 8) * 8,
    count,
  });
  const note = (one: ConfirmedMessages, since?: string, after = 0) =>
    publications.note({ endpoint: 'crm', messages: [one], since, earlier: (a, b) => (a < b ? a : b), after });
  const settle = (runs: readonly NumberRun[], token = TOKEN) =>
    notes.note('consumer', { q: { records: 0, oldest: 0, after: 0, numbers: {} } }, [{ token, queue: 'q', runs }]);
  const missing = async () =>
    (await publications.open()).map(({ counts, settled }) => (counts.q ?? 0) - (settled.q ?? 0));

  test('runs of numbers set the bits of exactly these numbers, in any order and more than once', async () => {
    const expected = new Set<number>();
    let seed = 7;
    const any = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let call = 0; call < 30; call++) {
      const runs = Array.from({ length: 6 }, (): NumberRun => {
        const first = any(900);
        return [first, first + any(call % 2 === 0 ? 12 : 120)];
      });
      for (const [first, last] of runs) for (let n = first; n <= last; n++) expected.add(n);
      await settle(runs);
    }
    const bits = await redis.getBuffer(`${redisPrefix(pipeline)}settled:${TOKEN}:q`);
    const found = Array.from({ length: (bits?.length ?? 0) * 8 }, (_, n) => n).filter(
      (n) => ((bits?.[n >> 3] ?? 0) >> (7 - (n & 7))) & 1,
    );
    expect(found).toEqual([...expected].sort((a, b) => a - b));
  });

  test('the runs of one endpoint share an entry, which asks for the earliest of their versions', async () => {
    await note(messages(0, 3), '5');
    await note(messages(8, 10), '3');
    await settle([
      [0, 2],
      [8, 11],
    ]);
    expect(await publications.open()).toMatchObject([
      { endpoint: 'crm', counts: { q: 13 }, settled: { q: 7 }, since: '3', ranges: { q: [0, 24] } },
    ]);
    // One of them read everything.
    await note(messages(24, 1));
    expect((await publications.open())[0]?.since).toBeUndefined();
  });

  test('what is settled and not noted yet is counted when it is noted, and not for what was noted before', async () => {
    await note(messages(0, 3));
    // All of the next run is settled, and one of the first run is lost.
    await settle([
      [0, 1],
      [8, 12],
    ]);
    expect(await missing()).toEqual([1]);
    await note(messages(8, 5));
    expect(await missing()).toEqual([1]);
  });

  test('an entry that grows while it is forgotten keeps what was added', async () => {
    await note(messages(0, 3));
    const [before] = (await publications.open()) as [OpenPublication];
    await note(messages(8, 5));
    await publications.forget([before]);
    await settle([[8, 10]]);
    expect(await publications.open()).toMatchObject([{ counts: { q: 5 }, settled: { q: 3 } }]);
    await publications.forget(await publications.open());
    expect(await publications.open()).toEqual([]);
    // It goes on under the same name.
    await note(messages(16, 2));
    expect(await missing()).toEqual([2]);
  });

  test('a note whose answer was lost, and that is repeated, counts once', async () => {
    await note(messages(0, 3));
    await note(messages(0, 3));
    expect(await missing()).toEqual([3]);
  });

  test('entries of the version before are counted, and forgotten', async () => {
    const entry = { token: TOKEN, endpoint: 'crm', run: 1, counts: { q: 3 }, at: 1 };
    await redis.hset(`${redisPrefix(pipeline)}publications`, TOKEN, JSON.stringify(entry));
    await settle([[1, 2]]);
    expect(await missing()).toEqual([1]);
    await publications.forget(await publications.open());
    expect(await publications.open()).toEqual([]);
  });

  test('10 million messages that wait for consumers take little of Redis, and a look at them takes no long', async () => {
    // 10,000 polls of a thousand records each.
    const name = (publication: number) => publication.toString(16).padStart(16, '0');
    const fill = async (publication: number) => {
      for (let run = 0; run < 65; run++) await note(messages(run * 1_000, 1_000, name(publication)), 'a');
    };
    await Promise.all(Array.from({ length: 154 }, (_, publication) => fill(publication)));
    const open = await publications.open();
    expect(open).toHaveLength(154);
    expect(open.reduce((sum, { counts }) => sum + (counts.q ?? 0), 0)).toBe(10_010_000);
    const bytes = await redis.memory('USAGE', `${redisPrefix(pipeline)}publications`, 'SAMPLES', 0);
    expect(bytes).toBeLessThan(100_000);
    // Half of all are settled, one by one: the bits of those that are not forgotten take 8 KB each.
    for (const { token } of open) await settle([[0, 32_767]], token);
    const begun = performance.now();
    await publications.open();
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

test('a consumer gathers the numbers of a queue in runs, and takes back what could not be noted', () => {
  const gathered = new NumbersOfQueue('q');
  const other = 'fedcba9876543210';
  for (const n of [3, 4, 5, 9, 6]) expect(gathered.add(`${TOKEN}/${n}`)).toBe(true);
  expect(gathered.add(`${other}/1`)).toBe(true);
  for (const bad of [undefined, 7, '', `${TOKEN}/`, `${TOKEN}/x`, `${TOKEN}/99999999`, `${TOKEN.toUpperCase()}/1`]) {
    expect(gathered.add(bad)).toBe(false);
  }
  const taken = gathered.take();
  expect(taken).toEqual([
    {
      token: TOKEN,
      queue: 'q',
      runs: [
        [3, 6],
        [9, 9],
      ],
    },
    { token: other, queue: 'q', runs: [[1, 1]] },
  ]);
  expect(gathered.take()).toEqual([]);
  for (const one of taken) gathered.giveBack(one);
  gathered.add(`${TOKEN}/7`);
  expect(gathered.take()[0]?.runs).toEqual([
    [3, 7],
    [9, 9],
  ]);
});
