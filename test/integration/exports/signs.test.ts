import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, systemClock } from '@tributary/shared';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createReader } from '../../../dashboard/src/data/readers/create.js';
import { runExport } from '../../../dashboard/src/exports/run.js';
import { LocalTarget } from '../../../dashboard/src/exports/targets/local.js';
import { createSqlEngine } from '../../../dashboard/src/sql/engine.js';
import { customers, exportStage, hidden, wholeRuns } from './support.js';

const SET = `
  set:
    dataset: customers
    columns: [id]
    keep: 1
    to: $OUT`;

/** An export whose clock goes as the test says. */
async function exporting() {
  const { config, out } = await exportStage(customers(5), SET);
  const log = createLogger({ service: 'dashboard', instance: randomUUID(), level: 'silent' });
  const reader = createReader({ config, clock: systemClock, log });
  const engine = createSqlEngine({ config, reader, clock: systemClock });
  onTestFinished(async () => {
    await engine.close();
    await reader.close();
  });
  const { signal } = new AbortController();
  const run = (later = 0) => {
    const clock = { ...systemClock, now: () => systemClock.now() + later };
    return runExport({ config, name: 'set', engine, clock, log, signal });
  };
  return { run, home: join(out, 'set') };
}

test('a sign of life never comes behind the end of a run: its hidden folder would be there again, and no later run would begin', async () => {
  const { run, home } = await exporting();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { publish } = LocalTarget.prototype;
  const published = vi.spyOn(LocalTarget.prototype, 'publish').mockImplementation(async function (
    this: LocalTarget,
    manifest,
  ) {
    await publish.call(this, manifest);
    vi.advanceTimersByTime(60_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  onTestFinished(() => published.mockRestore());
  const first = await run();
  expect(await hidden(home)).toEqual([]);
  expect(wholeRuns(home)).toEqual([first.manifest]);
  const second = await run();
  expect(wholeRuns(home)).toEqual([second.manifest]);
});

test('a run stays that is older by its name than the one before it, for the clock went back', async () => {
  const { run, home } = await exporting();
  const first = await run();
  const second = await run(-3_600_000);
  expect(second.removed).toEqual([first.manifest.run]);
  expect(existsSync(second.place)).toBe(true);
  expect(wholeRuns(home)).toEqual([second.manifest]);
});
