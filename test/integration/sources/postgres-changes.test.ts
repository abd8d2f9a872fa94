import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type PrivateService, uniqueName } from '../../services/handle.js';
import { startLogicalPostgres } from '../../services/postgres.js';
import { followerOf, runOn } from './followed.js';

let server: PrivateService;

beforeAll(async () => {
  server = await startLogicalPostgres();
}, 180_000);

afterAll(async () => {
  await server.stop();
});

const run = (...statements: readonly string[]) => runOn(server.url, ...statements);

const FIELDS = { id: 'integer', name: 'string?' };

interface Settings {
  readonly columns?: string;
  readonly fields?: object;
  readonly key?: string | readonly string[];
  readonly endpoint?: object;
}

/** A table of its own that is followed. */
async function followed({ columns, fields = FIELDS, key = 'id', endpoint = {} }: Settings = {}) {
  const name = uniqueName('changes');
  await run(`CREATE TABLE ${name} (${columns ?? 'id int PRIMARY KEY, name text'})`);
  const entities = { thing: { dataset: 'things', queue: 'things', key, fields } };
  const follower = followerOf(
    { things: { url: server.url, table: name, slot: name, entity: 'thing', chunk: 10, ...endpoint } },
    { entities },
  );
  onTestFinished(async () => {
    await run(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE starts_with(slot_name, '${name}_') AND active_pid IS NOT NULL`,
      `DROP TABLE IF EXISTS ${name}`,
      `DROP PUBLICATION IF EXISTS ${name}`,
    );
    for (let attempt = 0; ; attempt++) {
      try {
        return void (await run(
          `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE starts_with(slot_name, '${name}_')`,
        ));
      } catch (error) {
        if (attempt > 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  });
  return { name, ...follower };
}

test('copies a table, and then brings inserts, updates and deletes in their order', async () => {
  const { name, open, landing } = await followed();
  await run(`INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 25) n`);
  const producer = open();
  expect((await producer.run()).published).toBe(25);
  expect(Object.keys(landing.rows('thing'))).toHaveLength(25);
  await run(
    `INSERT INTO ${name} VALUES (26, 'new')`,
    `UPDATE ${name} SET name = 'once' WHERE id = 1`,
    `UPDATE ${name} SET name = 'twice' WHERE id = 1`,
    `DELETE FROM ${name} WHERE id = 2`,
  );
  const summary = await producer.run();
  expect(summary).toMatchObject({ published: 4, deleted: 1 });
  expect(landing.rows('thing')).toMatchObject({ 1: { id: 1, name: 'twice' }, 26: { id: 26, name: 'new' } });
  expect(landing.history('thing', '1')).toEqual([
    { id: 1, name: 'row 1' },
    { id: 1, name: 'once' },
    { id: 1, name: 'twice' },
  ]);
  expect(landing.history('thing', '2')).toEqual([{ id: 2, name: 'row 2' }, null]);
  expect(Object.keys(landing.rows('thing'))).toHaveLength(25);
});

test('a producer that dies brings the same changes again under the same versions, and another goes on', async () => {
  const { name, open, landing, messages, news } = await followed();
  const first = open();
  await first.run();
  await run(
    `INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 20) n`,
    `UPDATE ${name} SET name = 'b' WHERE id = 1`,
  );
  let published = 0;
  const dying = first.run({}, () => {
    published += 1;
    if (published > 15) throw new Error('killed');
  });
  await expect(dying).rejects.toThrow('killed');
  first.stop();
  const second = open();
  await second.run();
  expect(messages).toHaveLength(15 + 21);
  expect(landing.dropped).toBe(15);
  expect(landing.history('thing', '1')).toEqual([
    { id: 1, name: 'row 1' },
    { id: 1, name: 'b' },
  ]);
  expect(Object.keys(landing.rows('thing'))).toHaveLength(20);
  expect(news.filter((one) => /copied again/.test(one))).toEqual([]);
});
