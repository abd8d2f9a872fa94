import { describe, expect, it } from 'vitest';
import type { KnownKey, KnownKeys, RunKeys } from '../../src/cursor/known-keys.js';

const live = (key: string, version = ''): KnownKey => ({ key, version, isMarked: false });
const marked = (key: string, version = ''): KnownKey => ({ key, version, isMarked: true });

async function listed(batches: AsyncGenerator<readonly KnownKey[]>): Promise<KnownKey[]> {
  const keys = new Map<string, KnownKey>();
  for await (const batch of batches) {
    for (const { key, version, isMarked } of batch) keys.set(key, { key, version, isMarked });
  }
  return [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/**
 * What every store of known keys must do.
 * @param make an empty store, and another that shares what it keeps, as after a restart
 */
export function describeKnownKeys(
  name: string,
  make: () => Promise<{ store: KnownKeys; reopened: () => Promise<KnownKeys> }>,
): void {
  describe(`known keys: ${name}`, () => {
    const walk = async (store: KnownKeys, run: number, keys: readonly KnownKey[], id = 'crm', kind = 'k') => {
      const opened = store.open(id, run, kind);
      await opened.begin();
      await opened.note(keys);
      return opened;
    };
    const missing = (keys: RunKeys) => listed(keys.missing());

    it('misses nothing at first, and then what a walk does not bring, with its version, also after a restart', async () => {
      const { store, reopened } = await make();
      expect(await missing(await walk(store, 1, [live('a', '1'), live('b', '2'), marked('c', '3')]))).toEqual([]);
      const second = await walk(await reopened(), 2, [live('b', '2')]);
      expect(await missing(second)).toEqual([live('a', '1'), marked('c', '3')]);
      await second.bury(await missing(second));
      expect(await missing(second)).toEqual([]);
      expect(await listed(second.all())).toEqual([live('b', '2')]);
    });

    it('knows also what a run brought that was not over everything, or failed', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a')]);
      await walk(store, 2, [live('b')]);
      expect(await missing(await walk(store, 3, [live('a')]))).toEqual([live('b')]);
    });

    it('counts the keys that earlier runs brought, and not as deleted', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a'), marked('b'), live('c')]);
      const keys = store.open('crm', 2, 'k');
      await keys.begin();
      expect(await keys.note([live('a'), live('b'), live('n')])).toBe(1);
      expect(await keys.note([live('c'), live('a')])).toBe(1);
      await keys.begin();
      expect(await keys.note([live('a'), live('c'), live('n')])).toBe(0);
      expect(await missing(keys)).toEqual([live('b')]);
    });

    it('keeps the largest version of a key, byte by byte', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a', '2026-03-01T11:00:00.5'), live('b', '9'), live('c', 'a'), live('d', 'x-')]);
      await walk(store, 2, [live('a', '2026-03-01T11:00:00.123'), live('b', '91'), live('c', 'B'), live('d', 'x')]);
      const versions = [live('a', '2026-03-01T11:00:00.5'), live('b', '91'), live('c', 'a'), live('d', 'x-')];
      expect(await missing(await walk(store, 3, []))).toEqual(versions);
    });

    it('does not bury what the walk has seen meanwhile', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a'), live('b')]);
      const keys = await walk(store, 2, []);
      const gone = await missing(keys);
      await keys.note([live('b')]);
      await keys.bury(gone);
      expect(await listed(keys.all())).toEqual([live('b')]);
    });

    it('keeps buried keys for the case that their tombstones are lost, until they come again', async () => {
      const { store, reopened } = await make();
      await walk(store, 1, [live('a', '1'), live('b', '2')]);
      const second = await walk(store, 2, []);
      await second.bury(await missing(second));
      const third = await walk(await reopened(), 3, [live('b', '2')]);
      expect(await missing(third)).toEqual([]);
      expect(await listed(third.missing(true))).toEqual([marked('a', '1')]);
      const fourth = store.open('crm', 4, 'k');
      await fourth.begin();
      expect(await fourth.note([live('a', '1'), live('b', '2')])).toBe(1);
      expect(await listed(fourth.missing(true))).toEqual([]);
    });

    it('does not leave a key to another endpoint that has buried it', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a')], 'eu');
      await walk(store, 1, [live('a')], 'us');
      const eu = await walk(store, 2, [], 'eu');
      await eu.bury(await missing(eu));
      const us = await walk(store, 2, [], 'us');
      expect(await us.claim(await missing(us), ['eu'])).toEqual([expect.objectContaining(live('a'))]);
    });

    it('leaves a key to another endpoint that has it, so that only one of two does', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a'), live('b')], 'eu');
      await walk(store, 1, [live('b'), live('c')], 'us');
      const [eu, us] = [await walk(store, 2, [], 'eu'), await walk(store, 2, [], 'us')];
      expect(await eu.claim(await missing(eu), ['us'])).toEqual([expect.objectContaining(live('a'))]);
      expect(await missing(eu)).toEqual([live('a')]);
      const left = await us.claim(await missing(us), ['eu']);
      expect(left.map(({ key }) => key).sort()).toEqual(['b', 'c']);
    });

    it('tells which keys no other endpoint has, and leaves none to another for that', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a', '5'), live('b', '5')], 'eu');
      await walk(store, 1, [live('b', '3')], 'us');
      const eu = await walk(store, 2, [], 'eu');
      for (let round = 0; round < 2; round++) {
        expect(await eu.own(await missing(eu), ['us'])).toEqual([live('a', '5')]);
        expect(await eu.own(await missing(eu), [])).toEqual([live('a', '5'), live('b', '5')]);
      }
      expect(await missing(await walk(store, 2, [], 'us'))).toEqual([live('b', '3')]);
    });

    it('gives a key with the larger version that another endpoint left it with since it was listed', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a', '5')], 'eu');
      await walk(store, 1, [live('a', '3')], 'us');
      const [eu, us] = [await walk(store, 2, [], 'eu'), await walk(store, 2, [], 'us')];
      const listedBefore = await missing(us);
      expect(await eu.claim(await missing(eu), ['us'])).toEqual([]);
      expect(await us.claim(listedBefore, ['eu'])).toEqual([live('a', '5')]);
    });

    it('leaves a key with its version, if that is the larger', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a', '5'), live('b', '3')], 'eu');
      await walk(store, 1, [live('a', '3'), marked('b', '5'), live('c', '1')], 'us');
      const eu = await walk(store, 2, [], 'eu');
      expect(await eu.claim(await missing(eu), ['us'])).toEqual([]);
      const us = await walk(store, 2, [], 'us');
      expect(await missing(us)).toEqual([live('a', '5'), marked('b', '5'), live('c', '1')]);
    });

    it('tells which of the keys it has brought, and not as deleted', async () => {
      const { store, reopened } = await make();
      await walk(store, 1, [live('a'), marked('b'), live('c'), live('d')]);
      const second = await walk(await reopened(), 2, [live('a'), marked('c')]);
      await second.bury([live('d')]);
      expect([...(await second.live(['a', 'b', 'c', 'd', 'never']))]).toEqual(['a']);
      expect([...(await second.live([]))]).toEqual([]);
      await second.note([live('b'), marked('a')]);
      const many = Array.from({ length: 2_500 }, (_, index) => `n${index}`);
      expect([...(await second.live([...many, 'a', 'b']))]).toEqual(['b']);
    });

    it.each(['missing', 'all'] as const)(
      'lists %s of many keys while those that were listed are noted',
      async (list) => {
        const { store } = await make();
        const noteAll = async (keys: RunKeys, known: readonly KnownKey[]) => {
          for (let from = 0; from < known.length; from += 500) await keys.note(known.slice(from, from + 500));
        };
        const many = Array.from({ length: 5_000 }, (_, index) => live(`k${index}`));
        await noteAll(await walk(store, 1, []), many);
        const keys = await walk(store, 2, []);
        const found = new Set<string>();
        for await (const batch of list === 'missing' ? keys.missing(true) : keys.all()) {
          await noteAll(
            keys,
            batch.map(({ key }) => marked(key)),
          );
          for (const { key } of batch) found.add(key);
        }
        expect(found.size).toBe(many.length);
      },
    );

    it('hears later versions of the keys that it has, and of no others', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a', '2'), marked('b', '2'), live('c', '9')]);
      await store.hear('crm', [live('a', '3'), live('b', '1'), live('c', '5'), live('n', '1')]);
      await store.hear('unknown', [live('a', '3')]);
      const expected = [live('a', '3'), marked('b', '2'), live('c', '9')];
      expect(await missing(await walk(store, 2, []))).toEqual(expected);
      expect(await missing(await walk(store, 1, [], 'unknown'))).toEqual([]);
      const third = await walk(store, 3, []);
      await third.bury(await missing(third));
      await store.hear('crm', [live('b', '2')]);
      expect((await listed(third.missing(true))).map(({ key }) => key)).toEqual(['a', 'c']);
    });

    it('forgets keys of another kind, and keeps endpoints apart', async () => {
      const { store } = await make();
      await walk(store, 1, [live('a')]);
      expect(await missing(await walk(store, 2, [live('b')], 'other'))).toEqual([]);
      expect(await missing(await walk(store, 2, [live('b')], 'crm', 'another'))).toEqual([]);
    });

    it('takes keys of any form, and more than fit into one batch', async () => {
      const { store } = await make();
      const odd = ['', ' ', 'a b', '%2F/x', 'é', '12.1 +', '__proto__']
        .filter((key) => key !== '')
        .map((key) => live(key, '1'));
      await walk(store, 1, odd);
      const opened = store.open('crm', 2, 'k');
      await opened.begin();
      for (let from = 0; from < 3_000; from += 500) {
        await opened.note(Array.from({ length: 500 }, (_, index) => live(`n${from + index}`)));
      }
      expect((await missing(opened)).map(({ key }) => key)).toEqual(odd.map(({ key }) => key).sort());
      expect(await missing(await walk(store, 3, [live('n1')]))).toHaveLength(odd.length + 2_999);
    });
  });
}
