import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, sizeOf } from '../bench.js';
import type { Figure } from '../figure.js';
import { Program } from '../program.js';
import { PIPELINE } from '../servers.js';
import { median, spread } from '../statistics.js';

/** The part of the summary of `npm start -- --once --json` that is used here. */
interface Summary {
  readonly polled: number;
  readonly seconds: number;
  readonly rows: Readonly<Record<string, number>>;
}

export const embedded: Figure = {
  name: 'embedded',
  unit: 'records/s',
  sentence: 'npm start -- --once: mock API, queues, ledger, merge and CSV on one machine, with Node alone.',
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
    const measured = {
      value: median(speeds),
      more: { rounds: speeds, rowsPerSecond },
      detail: `${records.toLocaleString('en')} customers, ${rowsPerSecond.toLocaleString('en')} rows/s`,
    };
    return rounds > 1 ? { ...measured, spread: spread(speeds) } : measured;
  },
};

async function runOnce(bench: Bench, customers: number): Promise<Summary> {
  const output = mkdtempSync(join(bench.folder, 'output-'));
  const args = ['--once', '--json', '--config', PIPELINE, '--output', output];
  const program = await Program.start(bench, 'tributary', { MOCK_CUSTOMERS: String(customers) }, args);
  const code = await program.ended;
  const printed = program.log();
  await program.end('SIGKILL');
  rmSync(output, { recursive: true });
  if (code !== 0) throw new Error(`npm start ended with ${code ?? 'a signal'}: ${printed}`);
  return JSON.parse(printed.split('\n').find((line) => line.startsWith('{')) ?? '') as Summary;
}
