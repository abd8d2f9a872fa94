import { describe, expect, test } from 'vitest';
import { describeFallen, fallenFigures, floorOf } from '../src/against.js';
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
