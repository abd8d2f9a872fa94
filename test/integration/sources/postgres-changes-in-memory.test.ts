import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPipeline } from 'tributary';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../end-to-end/support/eventually.js';
import { historyOf, readRows } from '../../end-to-end/support/output.js';
import { uniqueName } from '../../services/handle.js';
import { sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

/** A table with ten rows that is followed by pipelines whose queues and ledger are in memory, one after the other, into one output folder. */
async function inMemory() {
  const table = uniqueName('in_memory');
  await run(`CREATE TABLE ${table} (id int PRIMARY KEY)`, `INSERT INTO ${table} SELECT generate_series(1, 10)`);
  const output = mkdtempSync(join(tmpdir(), 'tributary-in-memory-'));
  onTestFinished(() => rmSync(output, { recursive: true, force: true }));
  onTestFinished(async () => {
    await server.dropSlots(table);
    await run(`DROP TABLE ${table}`, `DROP PUBLICATION IF EXISTS ${table}`);
  });
  const config = {
    name: table,
    entities: { thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer' } } },
    endpoints: { things: { source: 'postgres-changes' as const, url: server.url, table, entity: 'thing' } },
    batch: { size: 5, interval: '1s' },
  };
  const start = async (schedule: boolean) => {
    const pipeline = createPipeline({ config, output, env: {}, schedule });
    onTestFinished(() => pipeline.stop());
    await pipeline.start();
    return pipeline;
  };
  const keys = async () => {
    const newest = [...historyOf(await readRows(output, 'things'))].map(([key, rows]) => [key, rows.at(-1)] as const);
    return newest.flatMap(([key, row]) => (row?.deleted === false ? [Number(key)] : [])).sort((a, b) => a - b);
  };
  return { table, start, keys };
}

test('what is deleted or truncated while nothing runs, and while the slot is lost, is gone after the next start', async () => {
  const { table, start, keys } = await inMemory();
  const first = await start(true);
  await eventually(async () => expect(await keys()).toHaveLength(10));
  await first.stop();
  await run(`DELETE FROM ${table} WHERE id = 3`);
  const second = await start(true);
  await eventually(async () => expect(await keys()).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]));
  await second.stop();
  await run(`TRUNCATE ${table}`, `INSERT INTO ${table} VALUES (1), (2), (11)`);
  const third = await start(true);
  await eventually(async () => expect(await keys()).toEqual([1, 2, 11]));
  await third.stop();
  await server.dropSlots(table);
  await run(`DELETE FROM ${table} WHERE id = 2`);
  await start(true);
  await eventually(async () => expect(await keys()).toEqual([1, 11]));
});

test('a single round goes on where the one before ended, and copies nothing again', async () => {
  const { table, start, keys } = await inMemory();
  const once = async () => {
    const pipeline = await start(false);
    const { polled } = await pipeline.once();
    await pipeline.stop();
    return polled;
  };
  expect(await once()).toBe(10);
  await run(`DELETE FROM ${table} WHERE id = 3`);
  expect(await once()).toBe(1);
  expect(await once()).toBe(0);
  expect(await keys()).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]);
});

test('of two tables of one entity, deletes and moves between single rounds are told as they are', async () => {
  const [left, right] = [uniqueName('left'), uniqueName('right')];
  await run(
    ...[left, right].map((table) => `CREATE TABLE ${table} (id int PRIMARY KEY)`),
    `INSERT INTO ${left} SELECT generate_series(1, 4)`,
    // So many that reading the output takes its time (a round must not begin before), and that keys are listed in several pages.
    `INSERT INTO ${left} SELECT generate_series(1001, 6000)`,
    `INSERT INTO ${right} SELECT generate_series(5, 8)`,
  );
  const output = mkdtempSync(join(tmpdir(), 'tributary-in-memory-'));
  onTestFinished(() => rmSync(output, { recursive: true, force: true }));
  onTestFinished(async () => {
    await server.dropSlots(left);
    await run(`DROP TABLE ${left}, ${right}`, `DROP PUBLICATION IF EXISTS ${left}`);
  });
  const follows = { source: 'postgres-changes' as const, url: server.url, entity: 'thing' };
  const config = {
    name: left,
    entities: { thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer' } } },
    endpoints: { left: { ...follows, table: left }, right: { ...follows, table: right } },
    batch: { size: 5, interval: '1s' },
  };
  const keysAfterRound = async () => {
    const pipeline = createPipeline({ config, output, env: {}, schedule: false });
    onTestFinished(() => pipeline.stop());
    await pipeline.start();
    await pipeline.once();
    await pipeline.stop();
    const newest = [...historyOf(await readRows(output, 'things'))].map(([key, rows]) => [key, rows.at(-1)] as const);
    const keys = newest.flatMap(([key, row]) => (row?.deleted === false ? [Number(key)] : []));
    return keys.filter((key) => key <= 1_000).sort((a, b) => a - b);
  };
  expect(await keysAfterRound()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  await run(`DELETE FROM ${left} WHERE id = 2`, `DELETE FROM ${right} WHERE id = 7`);
  expect(await keysAfterRound()).toEqual([1, 3, 4, 5, 6, 8]);
  await run(`INSERT INTO ${right} VALUES (1)`);
  expect(await keysAfterRound()).toEqual([1, 3, 4, 5, 6, 8]);
  await run(`DELETE FROM ${left} WHERE id = 1`);
  expect(await keysAfterRound()).toEqual([1, 3, 4, 5, 6, 8]);
  await run(`DELETE FROM ${right} WHERE id = 1`);
  expect(await keysAfterRound()).toEqual([3, 4, 5, 6, 8]);
});
