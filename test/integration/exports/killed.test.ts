import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { customers, exportStage, hidden, wholeRuns } from './support.js';

const PROGRAM = fileURLToPath(new URL('../../../tributary/bin/tributary.js', import.meta.url));

/** A pipeline file as the sample has it, for a program of its own. */
const fileOf = (output: string, out: string) => `
entities:
  customer:
    dataset: customers
    queue: customer_data
    key: id
    version: updatedAt
    fields: { id: string, name: string, points: integer?, updatedAt: datetime }
endpoints: {}
sink: { type: csv, csv: { directory: ${output} } }
exports:
  set: { query: "select id, name, points from customers", format: csv, split: { train: 0.8, test: 0.2, by: id }, to: ${out}, keep: 3 }
`;

function begin(file: string): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [PROGRAM, 'export', 'set', '--config', file], {
    stdio: 'ignore',
    env: { ...process.env, AUDIT_LOG: join(dirname(file), 'audit.jsonl') },
  });
  return { child, ended: once(child, 'exit').then(([code]) => code as number | null) };
}

test('killed at any moment, no half of an export is seen, and the next run is clean', async () => {
  const { folder, out } = await exportStage(customers(20_000), '\n  set: { dataset: customers, to: $OUT }');
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(file, fileOf(join(folder, 'output'), out));
  const home = join(out, 'set');
  const from = performance.now();
  expect(await begin(file).ended).toBe(0);
  const whole = performance.now() - from;
  const seen = new Set<string>();
  for (let share = 0.3; share < 1; share += 0.1) {
    const { child, ended } = begin(file);
    await sleep(whole * share);
    child.kill('SIGKILL');
    await ended;
    for (const { run, rows } of wholeRuns(home)) {
      expect(rows).toBe(20_000);
      seen.add(run);
    }
  }
  // As long as the moments are spread by time alone, one of them may have missed the writing: wait for it.
  const { child, ended } = begin(file);
  await expect.poll(() => readdirSync(home).some((name) => name.startsWith('.')), { interval: 5 }).toBe(true);
  child.kill('SIGKILL');
  await ended;
  expect((await hidden(home)).length).toBeGreaterThan(0);
  expect(wholeRuns(home).every(({ rows }) => rows === 20_000)).toBe(true);
  expect(await begin(file).ended).toBe(0);
  expect(await hidden(home)).toEqual([]);
  expect(wholeRuns(home).length).toBeLessThanOrEqual(3);
});
