import { describe, expect, test } from 'vitest';
import { runChaos } from '../src/chaos/chaos.js';
import { formatResult } from '../src/chaos/report.js';

const say = (line: string) => console.log(line);
const CLEAN = { missing: 0, duplicated: 0, torn: 0, stale: 0, wrongHash: 0, wrongMerge: 0 };

describe('a pipeline that is killed, paused, cut off and robbed of its memory for a minute', () => {
  test.each([
    { sink: 'csv', seed: 20_260_101 },
    { sink: 'postgres', seed: 20_260_102 },
  ] as const)('loses nothing and writes nothing twice ($sink, seed $seed)', async ({ sink, seed }) => {
    const options = { seconds: 60, seed, producers: 1, consumers: 3, sink, world: false, keep: false };
    const result = await runChaos({ ...options, say, signal: new AbortController().signal });
    console.log(formatResult(result));
    const { report, problems, findings, rowsUnderFire, folder } = result;
    expect({ problems, findings, ok: report.ok, folder }).toEqual({
      problems: [],
      findings: [],
      ok: true,
      folder: undefined,
    });
    for (const dataset of ['customers', 'inventory', 'customer_inventory']) {
      expect(report.audit[dataset]).toMatchObject(CLEAN);
      expect(report.audit[dataset]?.found).toBe(report.audit[dataset]?.expected);
    }
    // The CRM archives some of its 2,000 customers meanwhile.
    expect(report.audit.customers?.found).toBeGreaterThan(1_000);
    expect(report.audit.customers?.found).toBeLessThan(2_000);
    expect(Object.values(report.kills).reduce((sum, count) => sum + count)).toBeGreaterThan(20);
    // It is no proof if everything was written before and after.
    expect(rowsUnderFire).toBeGreaterThan(2_000);
  });
});
