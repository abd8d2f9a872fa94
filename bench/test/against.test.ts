import { expect, test } from 'vitest';
import { describeFallen, fallenFigures } from '../src/against.js';
import type { Figure, Outcome } from '../src/figure.js';

const figure = (name: string): Figure => ({
  name,
  unit: 'records/s',
  sentence: '',
  measure: async () => ({ value: 0 }),
});
const measured = (ratio?: number): Outcome => ({
  kind: 'measured',
  measured: ratio === undefined ? { value: 1 } : { value: 1, ratio },
});

test('a figure has fallen if its ratio is below half of the recorded one', () => {
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
  expect(fallenFigures(results, recorded).map(describeFallen)).toEqual([
    'publish: 0.29 of its limit, the recorded ratio is 0.60',
    'drain.csv: 0.10 of its limit, the recorded ratio is 0.30',
  ]);
});
