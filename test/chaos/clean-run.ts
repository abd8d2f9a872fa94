import { expect } from 'vitest';
import { formatFindings } from '../src/audit/report.js';
import { type ChaosOptions, runChaos } from '../src/chaos/chaos.js';
import { type ChaosResult, formatResult } from '../src/chaos/report.js';

export const say = (line: string): void => console.log(line);

/** What the audit counts for each dataset when nothing is wrong. */
export const CLEAN = { missing: 0, duplicated: 0, torn: 0, stale: 0, wrongHash: 0, wrongMerge: 0 };

/** Runs chaos on a producer and three consumers, says what was done, and expects that nothing was lost, doubled or hurt. */
export async function expectCleanRun(
  options: Pick<ChaosOptions, 'seconds' | 'seed' | 'sink' | 'world'>,
): Promise<ChaosResult> {
  const { signal } = new AbortController();
  const result = await runChaos({ ...options, producers: 1, consumers: 3, keep: false, say, signal });
  console.log(formatResult(result));
  const { report, problems, findings, folder } = result;
  const words = [...problems, formatFindings(findings)].join('\n');
  expect({ problems, findings, ok: report.ok, folder }, words).toEqual({
    problems: [],
    findings: [],
    ok: true,
    folder: undefined,
  });
  for (const dataset of ['customers', 'inventory', 'customer_inventory', 'customer_star']) {
    expect(report.audit[dataset]).toMatchObject(CLEAN);
    expect(report.audit[dataset]?.found).toBe(report.audit[dataset]?.expected);
  }
  // The CRM archives some of its 2,000 customers meanwhile.
  expect(report.audit.customers?.found).toBeGreaterThan(1_000);
  expect(report.audit.customers?.found).toBeLessThan(2_000);
  return result;
}
