import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, sizeOf } from '../bench.js';
import type { Figure } from '../figure.js';
import { Program } from '../program.js';
import { PIPELINE } from '../servers.js';
import { median, spread } from '../statistics.js';

/** As much of the summary of `npm start -- --once --json` as is used here. */
interface Summary {
  readonly polled: number;
  readonly seconds: number;
  readonly rows: Readonly<Record<string, number>>;
}

export const embedded: Figure = {
  name: 'embedded',
  unit: 'records/s',
  sentence: 'npm start -- --once: mock API, queues, ledger, merge and CSV on one machine with nothing but Node.',
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 4_000, rounds: 1 },
      full: { records: 20_000, rounds: 5 },
    });
    const summaries: Summary[] = [];
    for (let round = 1; round <= rounds; round++) {
      const summary = await runOnce(bench, records);
      summaries.push(summary);
      bench.say(`embedded, round ${round} of ${rounds}: ${summary.polled} records in ${summary.seconds} s`);
    }
    const speeds = summaries.map(({ polled, seconds }) => Math.round(polled / seconds));
    const rows = Object.values(summaries[0]?.rows ?? {}).reduce((sum, count) => sum + count, 0);
    const rowsPerSecond = Math.round(rows / median(summaries.map(({ seconds }) => seconds)));
    return {
      value: median(speeds),
      ...(rounds > 1 ? { spread: spread(speeds) } : {}),
      more: { rounds: speeds, rowsPerSecond },
      detail: `${records.toLocaleString('en')} customers, ${rowsPerSecond.toLocaleString('en')} rows/s`,
    };
  },
};

async function runOnce(bench: Bench, customers: number): Promise<Summary> {
  const output = mkdtempSync(join(bench.folder, 'output-'));
  const program = await Program.start(bench, 'tributary', { MOCK_CUSTOMERS: String(customers) }, [
    ...['--once', '--json', '--config', PIPELINE, '--output', output],
  ]);
  const code = await program.ended;
  const printed = program.log();
  await program.end('SIGKILL');
  rmSync(output, { recursive: true });
  if (code !== 0) throw new Error(`embedded mode has ended (${code ?? 'killed'}): ${printed}`);
  return JSON.parse(printed.split('\n').find((line) => line.startsWith('{')) ?? '') as Summary;
}
