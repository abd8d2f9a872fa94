import { describe, expect, it } from 'vitest';
import { axisOf, chartData } from '../../public/ui/chart-data.js';

describe('an axis of a chart', () => {
  it.each([
    [0, 10],
    [-5, 5],
    [1e9, 1e9 + 2],
    [0, 5e-324],
    [-1e300, 1e300],
  ])('from %d to %d stays as it is', (from, to) => {
    expect(axisOf(from, to)).toEqual([from, to]);
  });

  it.each([
    [1e17, 1e17 + 16],
    [-1e17 - 16, -1e17],
    [1e17, 1e17],
    [1e300, 1e300],
    [9007199254740990, 9007199254740992],
  ])('from %d to %d gets room for marks: the page would count up for ever', (from, to) => {
    const [least, most] = axisOf(from, to);
    const step = (most - least) / 100;
    expect([least + step > least, most + step > most, least <= from, most >= to]).toEqual([true, true, true, true]);
  });
});

it.each([
  [
    'line',
    [
      [1, 1.7e308],
      [2, -1.7e308],
      [3, 4],
    ],
  ],
  [
    'histogram',
    [
      [1.7e308, 1],
      [-1.7e308, 2],
      [3, 4],
    ],
  ],
] as const)('a %s leaves out what is too large to be drawn', (kind, rows) => {
  const columns = ['x', 'y'].map((name) => ({ name, type: 'number' }));
  const { xs, ys, words } = chartData({ columns, rows: rows.map((row) => [...row]) }, { kind, x: 'x', y: 'y' });
  expect([...xs, ...ys].every((one) => Number.isFinite(one))).toBe(true);
  expect(words).toMatch(/^(y by x: 1 points|x: 1 values)/);
});
