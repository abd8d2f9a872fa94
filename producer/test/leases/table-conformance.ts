import { describe, expect, it } from 'vitest';
import type { LeaseTable } from '../../src/leases/table.js';

const LONG = 60_000;

/**
 * What every lease table must do.
 * @param make an empty table, and whether leases in it run out by themselves
 */
export function describeLeaseTable(name: string, make: () => Promise<LeaseTable>, runsOut: boolean): void {
  const claim = async (table: LeaseTable, me: string, wishes: Record<string, boolean>, length = LONG) =>
    Object.fromEntries(await table.claim(me, new Map(Object.entries(wishes)), length));

  describe(`lease table: ${name}`, () => {
    it('says which producers live, and which endpoints each knows', async () => {
      const table = await make();
      await table.announce('one', ['a', 'b'], LONG, 0);
      expect(await table.announce('two', [], LONG, 0)).toEqual(
        new Map([
          ['one', ['a', 'b']],
          ['two', []],
        ]),
      );
      await table.leave('one');
      expect([...(await table.announce('two', [], LONG, 0)).keys()]).toEqual(['two']);
    });

    it('gives a lease to one producer, with one fence, until it is given back', async () => {
      const table = await make();
      const { a } = await claim(table, 'one', { a: true });
      expect(a).toEqual({ fence: expect.any(Number), holder: 'one', paused: false, asked: undefined });
      expect((await claim(table, 'two', { a: true })).a).toMatchObject({ fence: undefined, holder: 'one' });
      expect((await claim(table, 'one', { a: true })).a).toEqual(a);
      expect((await claim(table, 'one', { a: false })).a).toMatchObject({ fence: undefined, holder: undefined });
      const after = (await claim(table, 'two', { a: true })).a;
      expect(after?.fence).toBeGreaterThan(a?.fence ?? 0);
    });

    it('gives back every lease of a producer that leaves', async () => {
      const table = await make();
      await claim(table, 'one', { a: true, b: true, c: false });
      await table.leave('one');
      const { a, b } = await claim(table, 'two', { a: true, b: true });
      expect([a?.holder, b?.holder]).toEqual(['two', 'two']);
    });

    it('tells every producer what is paused, and only the holder, once, what is asked', async () => {
      const table = await make();
      await claim(table, 'one', { a: true });
      await table.pause('a', true);
      await table.ask('a', 'run');
      expect((await claim(table, 'two', { a: false })).a).toMatchObject({ paused: true, asked: undefined });
      expect((await claim(table, 'one', { a: true })).a).toMatchObject({ paused: true, asked: 'run' });
      await table.pause('a', false);
      expect((await claim(table, 'one', { a: true })).a).toMatchObject({ paused: false, asked: undefined });
    });

    if (!runsOut) return;
    it('gives a lease that expired to another producer, with a higher fence', async () => {
      const table = await make();
      const before = (await claim(table, 'one', { a: true }, 1)).a?.fence ?? 0;
      await expect.poll(async () => (await claim(table, 'two', { a: true })).a?.holder).toBe('two');
      expect((await claim(table, 'two', { a: true })).a?.fence).toBeGreaterThan(before);
      expect((await claim(table, 'one', { a: true })).a).toMatchObject({ fence: undefined, holder: 'two' });
    });
  });
}
