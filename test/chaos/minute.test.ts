import { describe, expect, test } from 'vitest';
import { expectCleanRun } from './clean-run.js';

describe('a pipeline that is killed, paused, cut off and robbed of its memory for a minute', () => {
  test.each([
    { sink: 'csv', seed: 20_260_101 },
    { sink: 'postgres', seed: 20_260_102 },
  ] as const)('loses nothing and writes nothing twice ($sink, seed $seed)', async ({ sink, seed }) => {
    const { report, rowsUnderFire } = await expectCleanRun({ seconds: 60, seed, sink, world: false });
    expect(Object.values(report.kills).reduce((sum, count) => sum + count)).toBeGreaterThan(20);
    // It is no proof if everything was written before and after.
    expect(rowsUnderFire).toBeGreaterThan(2_000);
  });
});
