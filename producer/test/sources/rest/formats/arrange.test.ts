import { describe, expect, it } from 'vitest';
import { type Arrangement, arrangeRecords } from '../../../../src/sources/rest/formats/arrange.js';

const arrange = (found: unknown, arrangement: Arrangement) => arrangeRecords(found, arrangement, '$.data');

describe('the records of a page', () => {
  it('lie in a list', () => {
    expect(arrange([{ id: 1 }, 2], { as: 'list' })).toEqual([{ id: 1 }, 2]);
  });

  it('are one object', () => {
    expect(arrange({ id: 1 }, { as: 'single' })).toEqual([{ id: 1 }]);
  });

  it('are a map, whose names become $key', () => {
    expect(arrange({ EUR: { rate: 1 }, CHF: 0.9 }, { as: 'map' })).toEqual([
      { $key: 'EUR', rate: 1 },
      { $key: 'CHF', $value: 0.9 },
    ]);
  });

  it('are columns beside each other; what is no list belongs to each record', () => {
    expect(arrange({ time: ['a', 'b'], t: [1, null], unit: 'C' }, { as: 'columns' })).toEqual([
      { time: 'a', t: 1, unit: 'C' },
      { time: 'b', t: null, unit: 'C' },
    ]);
    expect(() => arrange({ a: [1, 2], b: [1] }, { as: 'columns' })).toThrow('"a" has 2 values, "b" has 1');
  });

  it('are rows of cells, named by the first, by the settings, or by descriptions of columns', () => {
    const records = [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ];
    const data = [
      [1, 'a'],
      [2, 'b'],
    ];
    expect(arrange([['id', 'name'], ...data], { as: 'rows', header: 'first' })).toEqual(records);
    expect(arrange(data, { as: 'rows', header: ['id', 'name'] })).toEqual(records);
    expect(arrange(data, { as: 'rows', header: [{ name: 'id' }, { name: 'name' }] })).toEqual(records);
    expect(arrange([], { as: 'rows', header: 'first' })).toEqual([]);
  });

  it('cost each other nothing: a row with too many cells is a record of its own', () => {
    expect(arrange([[1], [1, 2], 'x'], { as: 'rows', header: ['id'] })).toEqual([{ id: 1 }, [1, 2], 'x']);
  });

  it('are none where there is null', () => {
    for (const as of ['list', 'single', 'map', 'columns'] as const) expect(arrange(null, { as })).toEqual([]);
    expect(arrange(null, { as: 'rows', header: 'first' })).toEqual([]);
  });

  it('are missed with words that say what is there, and what would fit it', () => {
    const told: [unknown, RegExp][] = [
      [undefined, /\$\.data should be a list of records and is missing; .*"\?"/],
      [{ id: 1 }, /is a value of type object with the names id \(as: single, or a longer path\)/],
      [{ a: [1], b: [2] }, /that holds lists \(as: columns\)/],
      [{ a: { x: 1 }, b: { x: 2 } }, /that holds objects \(as: map\)/],
      ['text', /is a value of type string/],
    ];
    for (const [found, words] of told) expect(() => arrange(found, { as: 'list' })).toThrow(words);
    expect(() => arrange([[1]], { as: 'single' })).toThrow(/a list of lists \(as: rows\)/);
  });
});
