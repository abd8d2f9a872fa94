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
  const { xs, lines, words } = chartData({ columns, rows: rows.map((row) => [...row]) }, { kind, x: 'x', y: 'y' });
  expect([...xs, ...lines.flatMap(({ ys }) => ys)].every((one) => Number.isFinite(one))).toBe(true);
  expect(words).toMatch(/^(y by x: 1 points|x: 1 values)/);
});

describe('several rows with one x', () => {
  const columns = [
    { name: 'day', type: 'date' },
    { name: 'n', type: 'integer' },
    { name: 'country', type: 'string' },
    { name: 'note', type: 'string' },
  ];
  const rows = [
    ['2026-01-01', 1, 'DE', 'a'],
    ['2026-01-01', 5, 'FR', 'a'],
    ['2026-01-02', 2, 'DE', 'a'],
    ['2026-01-03', 3, 'DE', 'a'],
    ['2026-01-03', 7, 'FR', 'a'],
  ];
  const shown = (choice: object, given: unknown[][] = rows) =>
    chartData({ columns, rows: given }, { kind: 'line', x: 'day', y: 'n', ...choice });

  it('are lines of their own, by the column that tells them apart', () => {
    const { kind, xs, lines, by } = shown({});
    expect([kind, by, xs.length]).toEqual(['line', 'country', 3]);
    expect(lines).toEqual([
      { name: 'DE', ys: [1, 2, 3] },
      { name: 'FR', ys: [5, undefined, 7] },
    ]);
  });

  it.each([
    ['that a person wants together', { by: '' }, rows],
    ['that no column tells apart', {}, rows.map(([day, n]) => [day, n, 'DE', 'a'])],
    [
      'of more values than a chart can tell apart',
      {},
      rows
        .map(([day, n], index) => [day, n, `c${index}`, `${index}`])
        .concat([
          ['2026-01-04', 1, 'x', 'x'],
          ['2026-01-05', 1, 'y', 'y'],
          ['2026-01-05', 1, 'z', 'z'],
        ]),
    ],
  ])('are points where no line can be drawn: those %s', (_what, choice, given) => {
    const { kind, lines, words } = shown(choice, given);
    expect([kind, lines.length]).toEqual(['scatter', 1]);
    expect(words).toContain('several rows have the same x');
  });

  it('are one line where each x has one row', () => {
    const { kind, lines, words } = shown({}, rows.slice(1, 4));
    expect([kind, lines.length]).toEqual(['line', 1]);
    expect(words).not.toContain('several');
  });
});
