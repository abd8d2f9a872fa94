import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectRedis, createLogger, RetryableError, systemClock } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';
import { AuditLog } from '../../../dashboard/src/audit/audit.js';
import { createReader } from '../../../dashboard/src/data/readers/create.js';
import { Exports } from '../../../dashboard/src/exports/exports.js';
import { memoryExportState } from '../../../dashboard/src/exports/state/port.js';
import { redisExportState } from '../../../dashboard/src/exports/state/redis.js';
import { createSqlEngine } from '../../../dashboard/src/sql/engine.js';
import { uniqueName } from '../../services/handle.js';
import { customers, exportStage, hidden, wholeRuns } from './support.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });
const ONCE_AN_HOUR =
  '\n  set: { dataset: customers, columns: [id], format: ndjson, to: $OUT, schedule: { every: 1h } }';

async function stage() {
  const pipeline = uniqueName('exports');
  const { config, out } = await exportStage(customers(50), ONCE_AN_HOUR);
  const auditLog = join(out, 'audit.jsonl');
  return {
    home: join(out, 'set'),
    auditLog,
    /** The exports of a dashboard that has its own connection to the same Redis. */
    dashboard(instance: string, keys = pipeline) {
      const redis = connectRedis({ url: inject('redisUrl'), connectionName: instance, log });
      const reader = createReader({ config, clock: systemClock, log });
      const engine = createSqlEngine({ config, reader, clock: systemClock });
      const state = redisExportState(redis, keys, () => {});
      const audit = new AuditLog(auditLog, systemClock);
      const exports = new Exports({ config, engine, state, audit, instance, clock: systemClock, log, look: 20 });
      onTestFinished(async () => {
        await exports.stop();
        await audit.close();
        await engine.close();
        await reader.close();
        redis.disconnect();
      });
      return { exports, state };
    },
  };
}

test('of three dashboards one exports at each tick, and all know of it', async () => {
  const { home, auditLog, dashboard } = await stage();
  const all = ['one', 'two', 'three'].map((name) => dashboard(name));
  for (const { exports } of all) exports.start();
  await expect.poll(() => wholeRuns(home).length).toBe(1);
  const pasts = async () => await Promise.all(all.map(async ({ exports }) => (await exports.list())[0]?.past ?? []));
  await expect.poll(async () => (await pasts()).map((past) => past.length)).toEqual([1, 1, 1]);
  const [status] = (await all[0]?.exports.list()) ?? [];
  expect(status?.past[0]).toMatchObject({ by: 'schedule', rows: 50 });
  expect(status?.past[0]?.why).toBeUndefined();
  expect(status?.nextAt).toBeGreaterThan(systemClock.now() + 3_000_000);
  // Some more looks of each.
  await systemClock.sleep(500);
  expect(wholeRuns(home)).toHaveLength(1);
  const lines = readFileSync(auditLog, 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { who: 'schedule', role: 'system', action: 'export', export: 'set', step: 'begun' },
    { step: 'done', done: 50 },
  ]);
});

test('a Redis that forgets does not have the export done anew: what was written says when', async () => {
  const { home, dashboard } = await stage();
  const first = dashboard('one');
  first.exports.start();
  await expect.poll(() => wholeRuns(home).length).toBe(1);
  await first.exports.stop();
  const { exports } = dashboard('two', uniqueName('emptied'));
  const [status] = await exports.list();
  expect(status?.past).toMatchObject([{ by: 'elsewhere', rows: 50, isKept: true }]);
  expect(status?.nextAt).toBeGreaterThan(systemClock.now() + 3_000_000);
});

test('a run of the command line is listed, and one that went by `keep` is told to be gone', async () => {
  const { config, run, out } = await exportStage(
    customers(20),
    '\n  set: { dataset: customers, columns: [id], format: ndjson, to: $OUT, keep: 2 }',
  );
  const reader = createReader({ config, clock: systemClock, log });
  const engine = createSqlEngine({ config, reader, clock: systemClock });
  const state = memoryExportState();
  const audit = new AuditLog(join(out, 'audit.jsonl'), systemClock);
  const exports = () => new Exports({ config, engine, state, audit, instance: 'one', clock: systemClock, log });
  const first = exports();
  onTestFinished(async () => {
    await first.stop();
    await audit.close();
    await engine.close();
    await reader.close();
  });
  await first.begin('set', 'anna');
  await expect.poll(async () => (await state.past('set')).length).toBe(1);
  await run();
  expect((await exports().list())[0]?.past).toMatchObject([
    { by: 'elsewhere', rows: 20, isKept: true, why: undefined },
    { by: 'anna', rows: 20, isKept: true },
  ]);
  await run();
  expect((await exports().list())[0]?.past.map(({ by, isKept }) => [by, isKept])).toEqual([
    ['elsewhere', true],
    ['elsewhere', true],
    ['anna', false],
  ]);
});

test('a Redis that is not there yet is no news at a start, and is news when it stays away', async () => {
  const { config, out } = await exportStage(customers(1), ONCE_AN_HOUR);
  const told: string[] = [];
  const listening = {
    ...log,
    warn: (_detail: object, words: string) => void told.push(words),
    error: () => {},
    info: () => {},
  };
  const away = () => {
    throw new RetryableError('redis_away', 'Redis is not connected');
  };
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  const reader = createReader({ config, clock: systemClock, log });
  const engine = createSqlEngine({ config, reader, clock: systemClock });
  const state = { ...memoryExportState(), current: async () => away(), past: async () => away() };
  const audit = new AuditLog(join(out, 'audit.jsonl'), systemClock);
  const exports = new Exports({
    config,
    engine,
    state,
    audit,
    instance: 'one',
    clock,
    log: listening as never,
    look: 5,
  });
  exports.start();
  await systemClock.sleep(100);
  expect(told).toEqual([]);
  now = 20_000;
  await expect.poll(() => told).toEqual(['cannot know whether an export is due; looking again']);
  await exports.stop();
  await engine.close();
  await reader.close();
});

test('a run that is stopped is told, leaves nothing, and is tried again', async () => {
  const { home, dashboard } = await stage();
  const first = dashboard('one');
  await first.exports.begin('set', 'anna');
  await first.exports.stop();
  const [past] = await first.state.past('set');
  expect(past).toMatchObject({ by: 'anna', why: 'the dashboard was stopped' });
  expect(await hidden(home).catch(() => [])).toEqual([]);
  expect(await first.state.current('set')).toBeUndefined();
  const second = dashboard('two');
  await second.exports.begin('set', 'anna');
  await expect(first.exports.begin('set', 'victor')).rejects.toThrow(
    /set is being exported since .*, for anna, by the dashboard two/,
  );
  await expect.poll(() => wholeRuns(home).length).toBe(1);
});
