import { expect, onTestFinished, test } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

/** Tables of one entity over one slot, with ten rows in the first of them. */
async function followed(count = 1) {
  const slot = uniqueName('redis_lost');
  const tables = Array.from({ length: count }, (_one, at) => `${slot}_${at}`);
  for (const table of tables) await run(`CREATE TABLE ${table} (id int PRIMARY KEY, name text)`);
  onTestFinished(async () => {
    await server.dropSlots(slot);
    await run(`DROP TABLE ${tables.join(', ')}`, `DROP PUBLICATION IF EXISTS ${slot}`);
  });
  const endpoints = tables.map((table) => [table, { url: server.url, table, slot, entity: 'thing', chunk: 4 }]);
  const follower = followerOf(Object.fromEntries(endpoints), { entities });
  const [table = '', other = ''] = tables;
  await run(`INSERT INTO ${table} SELECT n, 'row ' || n FROM generate_series(1, 10) n`);
  const there = async () => {
    const rows = await run(`${tables.map((one) => `SELECT id, name FROM ${one}`).join(' UNION ')} ORDER BY id`);
    return Object.fromEntries(rows.map((row) => [String(row.id), row]));
  };
  return { table, other, there, ...follower };
}

test('a row that is deleted after the slot was confirmed, and before the tables are copied because Redis was lost, is gone', async () => {
  const { table, open, landing, loseRedis, there } = await followed();
  const producer = open();
  await producer.run();
  await run(`DELETE FROM ${table} WHERE id = 3`, `UPDATE ${table} SET name = 'changed' WHERE id = 4`);
  loseRedis();
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
  expect(landing.history('thing', '3')).toEqual([{ id: 3, name: 'row 3' }, null]);
});

test('so it is where the producer died, and another one finds neither its place nor its keys', async () => {
  const { table, open, landing, loseRedis, there } = await followed();
  const first = open();
  await first.run();
  await run(`DELETE FROM ${table} WHERE id = 3`);
  // Its tombstone is published, and not confirmed.
  await expect(
    first.run({}, () => {
      throw new Error('killed');
    }),
  ).rejects.toThrow('killed');
  first.stop();
  await run(`DELETE FROM ${table} WHERE id = 4`);
  loseRedis();
  await run(`DELETE FROM ${table} WHERE id = 5`, `INSERT INTO ${table} VALUES (4, 'again')`);
  await open().run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('so it is where the copy after the loss is broken off, and Redis is lost once more', async () => {
  const { table, open, landing, loseRedis, there } = await followed();
  const first = open();
  await first.run();
  await run(`DELETE FROM ${table} WHERE id IN (2, 9)`);
  for (const id of [1, 8]) {
    loseRedis();
    let published = 0;
    const dying = first.run({}, () => {
      published += 1;
      if (published > 5) throw new Error('killed');
    });
    await expect(dying).rejects.toThrow('killed');
    await run(`DELETE FROM ${table} WHERE id = ${id}`);
  }
  first.stop();
  await open().run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('so it is with a row that gets another key, and with one that moves to another table of its entity', async () => {
  const { table, other, open, landing, loseRedis, there } = await followed(2);
  const producer = open();
  await producer.run();
  loseRedis();
  await run(
    `UPDATE ${table} SET id = 21 WHERE id = 1`,
    `BEGIN; DELETE FROM ${table} WHERE id = 2; INSERT INTO ${other} VALUES (2, 'moved'); COMMIT`,
    `INSERT INTO ${other} SELECT * FROM ${table} WHERE id = 3`,
    `DELETE FROM ${table} WHERE id = 3`,
    `INSERT INTO ${other} SELECT * FROM ${table} WHERE id = 4`,
    `DELETE FROM ${table} WHERE id = 4`,
    `DELETE FROM ${other} WHERE id = 4`,
    `BEGIN; DELETE FROM ${table} WHERE id = 5; INSERT INTO ${table} VALUES (5, 'back'); COMMIT`,
  );
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
  // Each table still knows which keys it has.
  await run(`DELETE FROM ${table} WHERE id = 5`, `DELETE FROM ${other} WHERE id IN (2, 3)`);
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('so it is where only the place is lost, and the keys are known', async () => {
  const { table, open, landing, stores, endpoint, there } = await followed();
  const producer = open();
  await producer.run();
  await run(`DELETE FROM ${table} WHERE id = 3`);
  await stores.cursors.reset(endpoint);
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
});
