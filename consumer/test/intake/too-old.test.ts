import { describe, expect, test, vi } from 'vitest';
import { findTooOld } from '../../src/intake/too-old.js';
import type { IsTooOld } from '../../src/recovery/row-age.js';
import { WriterLost } from '../../src/writer-lost.js';

const NOW = Date.parse('2027-01-01T00:00:00Z');
const HOUR = 3_600_000;

const isTooOld: IsTooOld = ({ version }, now) => Date.parse(version) < now - HOUR;

const incoming = (key: string, age: number, name = key) => {
  const version = new Date(NOW - age).toISOString();
  return { row: { key, version, values: { name } } };
};

const found = async (
  given: readonly ReturnType<typeof incoming>[],
  { known = [] as readonly string[], clock = NOW, ledgerClock = NOW } = {},
) => {
  const knows = vi.fn(async (_dataset: string, keys: readonly string[]) => ({
    known: keys.map((key) => known.includes(key)),
    at: ledgerClock,
  }));
  const old = await findTooOld(given, { isTooOld, dataset: 'orders', ledger: { knows }, clock: { now: () => clock } });
  return { names: [...old].map(({ row }) => row.values.name), knows };
};

describe('a record that is older than it is kept', () => {
  test('is too old if nothing is known of its key, from one moment to the next', async () => {
    const given = [incoming('A', HOUR + 1), incoming('B', HOUR), incoming('C', HOUR - 1), incoming('D', 9 * HOUR)];
    const { names, knows } = await found(given, { known: ['D'] });
    expect(names).toEqual(['A']);
    expect(knows).toHaveBeenCalledWith('orders', ['A', 'D']);
  });

  test('goes on beside one of the same key that is young enough: that one has no row yet', async () => {
    const given = [incoming('A', 2 * HOUR, 'old'), incoming('A', 0, 'young'), incoming('B', 2 * HOUR)];
    expect((await found(given)).names).toEqual(['B']);
    const turned = [incoming('A', 0, 'young'), incoming('A', 2 * HOUR, 'old'), incoming('A', 3 * HOUR, 'older')];
    expect((await found(turned)).names).toEqual([]);
  });

  test.each([
    ['the consumer', { clock: NOW + 10_000 * HOUR }],
    ['the ledger', { ledgerClock: NOW + 10_000 * HOUR }],
  ])('is told by the earlier clock: that of %s may have jumped ahead', async (_whose, clocks) => {
    expect((await found([incoming('A', HOUR - 1), incoming('B', HOUR + 1)], clocks)).names).toEqual(['B']);
  });

  test.each([
    ['the consumer', { clock: NOW - 2 }],
    ['the ledger', { ledgerClock: NOW - 2 }],
  ])('is kept a little longer where the clock of %s was set back', async (_whose, clocks) => {
    expect((await found([incoming('A', HOUR + 1), incoming('B', HOUR + 3)], clocks)).names).toEqual(['B']);
  });

  test('costs nothing where none is', async () => {
    expect((await found([incoming('A', 0)])).knows).not.toHaveBeenCalled();
  });

  test('is not judged once the ledger is another one', async () => {
    const knows = async () => Promise.reject(new WriterLost('lost', 'the test'));
    const options = { isTooOld, dataset: 'orders', ledger: { knows }, clock: { now: () => NOW } };
    await expect(findTooOld([incoming('A', 2 * HOUR)], options)).rejects.toThrow(WriterLost);
  });
});
