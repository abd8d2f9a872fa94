import fc from 'fast-check';
import { test } from 'vitest';
import { schedules } from './schedule.js';
import { simulate } from './simulate.js';

test('whatever crashes between any two steps, every record lands once and every merged row is the join', async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      const { faults, trace } = await simulate(schedule);
      if (faults.length > 0) throw new Error(`${faults.join('\n')}\n\n${trace.join('\n')}`);
    }),
    { numRuns: Number(process.env.RUNS ?? 1000), ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
  );
}, 600_000);
