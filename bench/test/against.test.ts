import { describe, expect, test } from 'vitest';
import { describeFallen, fallenFigures, floorOf, grownFigures, worseFigures } from '../src/against.js';
import type { Figure, Outcome } from '../src/figure.js';

const figure = (name: string): Figure => ({
  name,
  unit: 'records/s',
  sentence: '',
  measure: async () => ({ value: 0 }),
});
const measured = (ratio?: number, others = 0): Outcome => ({
  kind: 'measured',
  measured: ratio === undefined ? { value: 1 } : { value: 1, ratio },
  others,
});
const HALF = { share: 0.5, words: '' };

test('a figure has fallen if its ratio is below its floor', () => {
  const results = new Map<Figure, Outcome>([
    [figure('publish'), measured(0.29)],
    [figure('poll'), measured(0.31)],
    [figure('drain.csv'), measured(0.1)],
    [figure('drain.postgres'), { kind: 'failed', reason: 'it ended' }],
    [figure('memory'), measured()],
    [figure('new'), measured(0.01)],
  ]);
  const recorded = {
    publish: { ratio: 0.6 },
    poll: { ratio: 0.6 },
    memory: { value: 180 },
    drain: { csv: { ratio: 0.3 }, postgres: { ratio: 0.3 } },
  };
  expect(fallenFigures([results], recorded, HALF).map(describeFallen)).toEqual([
    'publish: 0.29 of its limit, the recorded ratio is 0.60',
    'drain.csv: 0.10 of its limit, the recorded ratio is 0.30',
  ]);
});

describe('the floor', () => {
  const recorded = { machine: { cpu: 'AMD EPYC', cores: 2 } };

  test('is 0.7 of what was recorded on this kind of machine', () => {
    expect(floorOf(recorded, { cpu: 'AMD EPYC', cores: 2 }).share).toBe(0.7);
  });

  test.each([
    { cpu: 'AMD EPYC', cores: 4 },
    { cpu: 'Some CPU', cores: 2 },
  ])('is half of what was recorded on another: $cores cores of $cpu', (machine) => {
    expect(floorOf(recorded, machine).share).toBe(0.5);
    expect(floorOf({}, machine).share).toBe(0.5);
  });
});

describe('of several tries', () => {
  const publish = figure('publish');
  const tries = (...outcomes: Outcome[]) => outcomes.map((outcome) => new Map([[publish, outcome]]));
  const fallen = (...outcomes: Outcome[]) => fallenFigures(tries(...outcomes), { publish: { ratio: 1 } }, HALF);

  test('the best counts', () => {
    expect(fallen(measured(0.3), { kind: 'failed', reason: '' }, measured(0.5))).toEqual([]);
    expect(fallen(measured(0.3), measured(0.4), measured(0.2))).toMatchObject([{ ratio: 0.4, isSure: true }]);
  });

  test('one has to be of a quiet machine: otherwise nothing is known', () => {
    expect(fallen(measured(0.3, 0.5), measured(0.4, 0.2))).toMatchObject([{ ratio: 0.4, isSure: false }]);
    expect(fallen(measured(0.3, 0.5), measured(0.4, 0.1))).toMatchObject([{ ratio: 0.4, isSure: true }]);
  });
});

describe('the memory of a service', () => {
  const memory: Figure = { ...figure('memory'), unit: 'MB' };
  const taken = (value: number, producerMb: number, others = 0): Outcome => ({
    kind: 'measured',
    measured: { value, more: { producerMb, lastMb: 1_000 } },
    others,
  });
  const recorded = { memory: { value: 160, producerMb: 170, lastMb: 150 }, publish: { value: 1 } };
  const grown = (...outcomes: Outcome[]) =>
    grownFigures(
      outcomes.map((outcome) => new Map([[memory, outcome]])),
      recorded,
    );

  test('may be 1.3 times what was recorded', () => {
    expect(grown(taken(208, 221))).toEqual([]);
    expect(grown(taken(209, 222)).map(({ words }) => words)).toEqual([
      'memory: the consumer takes 209 MB, recorded are 160, and 1.3 times as much is allowed',
      'memory: the producer takes 222 MB, recorded are 170, and 1.3 times as much is allowed',
    ]);
  });

  test('counts as the smallest of several tries, if the machine was quiet in one', () => {
    expect(grown(taken(300, 100), taken(200, 100))).toEqual([]);
    expect(grown(taken(300, 100, 0.5), taken(250, 100, 0.5))).toMatchObject([{ figure: memory, isSure: false }]);
    expect(grown(taken(300, 100, 0.5), { kind: 'failed', reason: '' }, taken(250, 100))).toMatchObject([
      { isSure: true },
    ]);
  });

  test('is not compared with a record that has none, and no other figure is', () => {
    const first = new Map([
      [memory, taken(900, 900)],
      [figure('publish'), measured(1)],
    ]);
    expect(worseFigures([first], { publish: { value: 0.001 } }, HALF)).toEqual([]);
    expect(worseFigures([first], recorded, HALF)).toHaveLength(2);
  });
});
