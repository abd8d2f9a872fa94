import { beforeEach, describe, expect, test } from 'vitest';
import type { EachRecord, Ledger, WithJoin, WithRecord } from '../../src/ledger/port.js';
import { type LedgerHarness, MERGED, useLedger } from './harness.js';

const each = (key: string, order: string, ...lines: string[]): EachRecord => ({
  key,
  order,
  lines,
  payload: `each ${key} ${order}`,
});
const item = (key: string, order: string, after = ''): WithRecord => ({
  key,
  order,
  after,
  payload: `with ${key} ${order}`,
});
const side = ({ order, payload }: { order: string; payload: string }) => ({ order, payload });
const SECOND = '\x012';

/** The merge's two sides meet. */
export function describeJoins(make: () => Promise<LedgerHarness>): void {
  const ledger = useLedger(make);
  let x: Ledger;
  let y: Ledger;
  beforeEach(() => {
    [x, y] = [ledger().writer('X'), ledger().writer('Y')];
  });
  const joinEach = async (writer: Ledger, record: EachRecord) => (await writer.joinEach(MERGED, [record]))[0];
  const joinWith = async (writer: Ledger, record: WithRecord, count = 10) =>
    (await writer.joinWith(MERGED, [record], count))[0];
  const pointing = (...records: EachRecord[]) => ({
    pointing: records.map((record) => ({ key: record.key, side: side(record) })),
    after: undefined,
  });

  describe('joins', () => {
    test('the side that comes second sees the first', async () => {
      expect(await joinEach(x, each('c', '1 m1', 'i'))).toEqual({ found: [undefined], closed: [] });
      expect(await joinWith(y, item('i', '1 m2'))).toEqual(pointing(each('c', '1 m1', 'i')));
      expect(await joinWith(y, item('j', '1 m3'))).toEqual(pointing());
      expect(await joinEach(x, each('d', '1 m4', 'j', 'i'))).toEqual({
        found: [side(item('j', '1 m3')), side(item('i', '1 m2'))],
        closed: [],
      });
    });

    test('of two records that come at the same time, one sees the other', async () => {
      for (let n = 0; n < 50; n++) {
        const [left, right] = await Promise.all([
          joinEach(x, each(`c${n}`, '1 m1', `i${n}`)),
          joinWith(y, item(`i${n}`, '1 m2')),
        ]);
        const seen = [left, right].map((join) => JSON.stringify(join).includes('payload'));
        expect(seen.filter(Boolean)).toHaveLength(1);
      }
    });

    test('a join sees the newest record of each side', async () => {
      await joinEach(x, each('c', '1 m1', 'i'));
      await joinEach(x, each('c', '2 m2', 'i'));
      await joinWith(y, item('i', '1 m3'));
      expect(await joinWith(y, item('i', '2 m4'))).toEqual(pointing(each('c', '2 m2', 'i')));
      expect(await joinEach(x, each('d', '1 m5', 'i'))).toMatchObject({ found: [side(item('i', '2 m4'))] });
    });

    test('an older record is superseded and changes nothing; the same one again is not', async () => {
      await joinEach(x, each('c', '2 m2', 'i'));
      await joinWith(x, item('i', '2 m4'));
      const before = await ledger().state();
      expect(await joinEach(y, each('c', '1 m1', 'j'))).toBe('superseded');
      expect(await joinWith(y, item('i', '1 m3'))).toBe('superseded');
      expect(await joinEach(y, each('c', '2 m2', 'i'))).toMatchObject({ found: [side(item('i', '2 m4'))] });
      expect(await joinWith(y, item('i', '2 m4'))).toEqual(pointing(each('c', '2 m2', 'i')));
      expect(await ledger().state()).toEqual(before);
    });

    test('records of one call see each other', async () => {
      await joinWith(x, item('i', '1 m1'));
      const joins = await x.joinEach(MERGED, [each('c', '1 m2', 'i'), each('c', '2 m3'), each('c', '1 m2', 'i')]);
      expect(joins).toEqual([
        { found: [side(item('i', '1 m1'))], closed: [] },
        { found: [], closed: [{ line: 'i', sides: [side(item('i', '1 m1'))] }] },
        'superseded',
      ]);
    });
  });

  describe('a star', () => {
    const star = (place: number) => ({ place, places: 2 });
    const line = (...targets: string[]) => targets.join('\x02');
    const joinStar = async (writer: Ledger, record: EachRecord) => (await writer.joinEach(MERGED, [record], 2))[0];
    const joinPlace = async (writer: Ledger, place: number, record: WithRecord, count = 10) =>
      (await writer.joinWith(MERGED, [record], count, star(place)))[0];

    test('meets each of its sides under the entity that it is of, though they have the same key', async () => {
      await joinPlace(x, 0, item('i', '1 m1'));
      await joinPlace(y, 1, { ...item('i', '1 m2'), payload: 'place i' });
      const of = { order: '1 m2', payload: 'place i' };
      expect(await joinStar(x, each('c', '1 m3', line('i', 'i'), line('i', 'j')))).toEqual({
        found: [side(item('i', '1 m1')), of, side(item('i', '1 m1')), undefined],
        closed: [],
      });
    });

    test('tells a record of any side the lines that point at it, with the other sides of these', async () => {
      const record = each('c', '1 m1', line('i', 'w'), line('j', 'w'), `${line('i', 'w')}${SECOND}`, line('i', 'v'));
      await joinStar(x, record);
      await joinStar(x, each('d', '1 m2', line('w', 'i')));
      await joinPlace(x, 0, item('i', '1 m3'));
      const found = await joinPlace(y, 1, item('w', '1 m4'), 1);
      const others = new Map([
        [line('i', 'w'), [side(item('i', '1 m3')), undefined]],
        [line('j', 'w'), [undefined, undefined]],
        [`${line('i', 'w')}${SECOND}`, [side(item('i', '1 m3')), undefined]],
      ]);
      expect(found).toEqual({ pointing: [{ key: 'c', side: side(record), others }], after: 'c' });
      expect(await joinPlace(y, 1, item('w', '1 m4', 'c'), 1)).toEqual({ pointing: [], after: undefined });
      expect(await joinPlace(y, 0, item('i', '2 m5'))).toMatchObject({
        pointing: [
          {
            key: 'c',
            others: new Map([
              [line('i', 'w'), [undefined, side(item('w', '1 m4'))]],
              [`${line('i', 'w')}${SECOND}`, [undefined, side(item('w', '1 m4'))]],
              [line('i', 'v'), [undefined, undefined]],
            ]),
          },
        ],
      });
    });

    test('closes a line that points at another record of one side, and points at no other by it any more', async () => {
      await joinStar(x, each('c', '1 m1', line('i', 'w')));
      await joinPlace(x, 1, item('w', '1 m2'));
      const next = each('c', '2 m3', line('i', 'v'));
      expect(await joinStar(y, next)).toEqual({
        found: [undefined, undefined],
        closed: [{ line: line('i', 'w'), sides: [undefined, side(item('w', '1 m2'))] }],
      });
      expect(await joinPlace(y, 1, item('w', '2 m4'))).toEqual({ pointing: [], after: undefined });
      await y.closeLines(MERGED, [next]);
      expect(await joinPlace(y, 0, item('i', '1 m5'))).toMatchObject({
        pointing: [{ others: new Map([[line('i', 'v'), [undefined, undefined]]]) }],
      });
      expect(await joinStar(y, each('c', '1 m1', line('i', 'w')))).toBe('superseded');
    });
  });

  describe('lines that are dropped', () => {
    test('the join tells them, with what they pointed at, until they are closed', async () => {
      await joinWith(x, item('i', '1 m1'));
      await joinEach(x, each('c', '1 m2', 'i', 'j'));
      const closed = [
        { line: 'i', sides: [side(item('i', '1 m1'))] },
        { line: 'j', sides: [undefined] },
      ];
      expect(await joinEach(x, each('c', '2 m3', 'k'))).toEqual({ found: [undefined], closed });
      expect(await joinEach(y, each('c', '3 m4', 'k'))).toMatchObject({ closed: expect.arrayContaining(closed) });
      await y.closeLines(MERGED, [each('c', '3 m4', 'k')]);
      expect(await joinEach(y, each('c', '4 m5', 'k'))).toEqual({ found: [undefined], closed: [] });
    });

    test('only the newest record closes them', async () => {
      await joinEach(x, each('c', '1 m1', 'i'));
      await joinEach(x, each('c', '2 m2'));
      await joinEach(y, each('c', '3 m3', 'j'));
      await x.closeLines(MERGED, [each('c', '2 m2')]);
      expect(await joinEach(y, each('c', '4 m4', 'j'))).toEqual({
        found: [undefined],
        closed: [{ line: 'i', sides: [undefined] }],
      });
    });

    test('they do not point at anything any more, unless another line of the record does', async () => {
      await joinEach(x, each('c', '1 m1', 'i', `i${SECOND}`, 'j'));
      const shorter = each('c', '2 m2', 'i');
      expect(await joinEach(x, shorter)).toMatchObject({
        closed: [
          { line: `i${SECOND}`, sides: [undefined] },
          { line: 'j', sides: [undefined] },
        ],
      });
      expect(await joinWith(y, item('i', '1 m3'))).toEqual(pointing(shorter));
      expect(await joinWith(y, item('j', '1 m4'))).toEqual(pointing());
    });

    test('one that comes back is open again', async () => {
      await joinEach(x, each('c', '1 m1', 'i'));
      await joinEach(x, each('c', '2 m2'));
      expect(await joinEach(x, each('c', '3 m3', 'i'))).toEqual({ found: [undefined], closed: [] });
      expect(await joinWith(y, item('i', '1 m4'))).toEqual(pointing(each('c', '3 m3', 'i')));
    });

    test('a record that has no lines and never had any meets nothing', async () => {
      expect(await joinEach(x, each('c', '1 m1'))).toEqual({ found: [], closed: [] });
      await x.closeLines(MERGED, [each('c', '1 m1')]);
      expect(await joinEach(x, each('c', '1 m1'))).toEqual({ found: [], closed: [] });
    });
  });

  test('many records that point at one come in pages, each once', async () => {
    const records = Array.from({ length: 1_234 }, (_, n) => each(`c${n}`, '1 m', 'i', 'i2'));
    await x.joinEach(MERGED, [...records, each('zz', '1 m', 'i2')]);
    const found: string[] = [];
    const sizes: number[] = [];
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page = (await joinWith(y, item('i', '1 m2', after), 500)) as WithJoin;
      found.push(...page.pointing.map(({ key }) => key));
      sizes.push(page.pointing.length);
      after = page.after;
    }
    expect(sizes).toEqual([500, 500, 234]);
    expect(found.sort()).toEqual(records.map(({ key }) => key).sort());
  });

  test('a page that is exactly full tells where the next page would begin', async () => {
    await x.joinEach(MERGED, [each('a', '1 m', 'i'), each('b', '1 m', 'i')]);
    const page = (await joinWith(y, item('i', '1 m2'), 2)) as WithJoin;
    expect(page.after).toBe('b');
    expect(await joinWith(y, item('i', '1 m2', 'b'), 2)).toEqual({ pointing: [], after: undefined });
  });
}
