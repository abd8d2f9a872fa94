import { systemClock } from '@tributary/shared';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { ledgerKeys } from '../../../consumer/src/ledger/keys.js';
import { rebuildFromSink } from '../../../consumer/src/recovery/rebuild.js';
import type { Sink } from '../../../consumer/src/sinks/port.js';
import { redisCursorStore } from '../../../producer/src/cursor/cursor-redis.js';
import { redisKnownKeys } from '../../../producer/src/cursor/known-keys-redis.js';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

/** Tables of one entity over one slot, with ten rows in the first of them, and a Redis that can be lost. */
async function followed(count = 1, settings: object = {}) {
  const name = uniqueName('all_lost');
  const tables = Array.from({ length: count }, (_one, at) => `${name}_${at}`);
  const [table = '', other = ''] = tables;
  for (const one of tables) await run(`CREATE TABLE ${one} (id int PRIMARY KEY, name text)`);
  await run(`INSERT INTO ${table} SELECT n, 'row ' || n FROM generate_series(1, 10) n`);
  const endpoints = tables.map((one) => [one, { url: server.url, table: one, slot: name, entity: 'thing', chunk: 4 }]);
  const follower = followerOf(Object.fromEntries(endpoints), { name, entities });
  const redis = new Redis(inject('redisUrl'));
  const empty = async () => {
    const keys = await redis.keys(`{${name}}:*`);
    if (keys.length > 0) await redis.del(...keys);
  };
  onTestFinished(async () => {
    await empty();
    redis.disconnect();
    await server.dropSlots(name);
    await run(`DROP TABLE ${tables.join(', ')}`, `DROP PUBLICATION IF EXISTS ${name}`);
  });
  Object.assign(follower.stores, { cursors: redisCursorStore(redis, name), known: redisKnownKeys(redis, name) });
  const sink = { scan: () => follower.landing.landed() } as object as Sink;
  const first = follower.config.endpoints[table];
  const endpointsNow = { ...follower.config.endpoints, ...(first && { [table]: { ...first, ...settings } }) };
  const config = { ...follower.config, endpoints: endpointsNow };
  return {
    ...follower,
    table,
    other,
    redis,
    loseRedis: empty,
    loseSlot: () => server.dropSlots(name),
    /** What the consumers do once Redis is back. */
    rebuild: () => rebuildFromSink({ redis, config, sink, clock: systemClock })(ledgerKeys(name, 'epoch')),
    there: async () => {
      const rows = await run(`${tables.map((one) => `SELECT id, name FROM ${one}`).join(' UNION ')} ORDER BY id`);
      return Object.fromEntries(rows.map((row) => [String(row.id), row]));
    },
  };
}

test('rows that are deleted while Redis and the slot are lost are gone: the output tells which keys there were', async () => {
  const { table, open, landing, loseRedis, loseSlot, rebuild, there } = await followed();
  const first = open();
  await first.run();
  first.stop();
  await loseRedis();
  await loseSlot();
  await run(`DELETE FROM ${table} WHERE id IN (3, 7)`, `UPDATE ${table} SET name = 'changed' WHERE id = 4`);
  await rebuild();
  await open().run();
  expect(landing.rows('thing')).toEqual(await there());
  expect(landing.history('thing', '5')).toEqual([{ id: 5, name: 'row 5' }]);
});

test('so it is where the tables were copied before the consumers have told the keys: they are copied once more', async () => {
  const { table, open, landing, loseRedis, loseSlot, rebuild, there } = await followed();
  const first = open();
  await first.run();
  first.stop();
  await loseRedis();
  await loseSlot();
  await run(`DELETE FROM ${table} WHERE id IN (3, 7)`);
  const second = open();
  await second.run();
  await rebuild();
  await second.run();
  expect(landing.rows('thing')).toEqual(await there());
  // What all know by now makes nothing void.
  const before = landing.dropped;
  await rebuild();
  await second.run();
  expect(landing.dropped).toBe(before);
});

test('so it is where a table was truncated, and where RabbitMQ loses the tombstones together with Redis', async () => {
  const { table, open, landing, loseRedis, rebuild, there } = await followed();
  const producer = open();
  await producer.run();
  landing.isLosing = true;
  await run(`DELETE FROM ${table} WHERE id = 2`);
  await producer.run();
  landing.isLosing = false;
  await loseRedis();
  await rebuild();
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
  await loseRedis();
  await run(`TRUNCATE ${table}`, `INSERT INTO ${table} VALUES (5, 'back')`);
  await rebuild();
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('of two tables of one entity, none takes away what the other has', async () => {
  const { table, other, open, landing, loseRedis, loseSlot, rebuild, there } = await followed(2);
  const first = open();
  await run(`INSERT INTO ${other} VALUES (21, 'other'), (22, 'other')`);
  await first.run();
  first.stop();
  await loseRedis();
  await loseSlot();
  await run(
    `INSERT INTO ${other} SELECT * FROM ${table} WHERE id = 1`,
    `DELETE FROM ${table} WHERE id IN (1, 2)`,
    `DELETE FROM ${other} WHERE id = 21`,
  );
  await rebuild();
  const second = open();
  await second.run();
  expect(landing.rows('thing')).toEqual(await there());
  expect(landing.history('thing', '22')).toHaveLength(1);
  expect(landing.history('thing', '1')).toHaveLength(1);
  await run(`DELETE FROM ${other} WHERE id IN (1, 22)`, `DELETE FROM ${table} WHERE id = 3`);
  await second.run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('a row that another program brought is not taken for one of the table', async () => {
  const { table, open, landing, endpoint, loseRedis, rebuild } = await followed();
  const producer = open();
  await producer.run();
  const foreign = endpoint.entity.decode({ id: 99, name: 'foreign', _version: '7' });
  landing.take(foreign, '019b7600-0000-7000-8000-000000000001');
  await loseRedis();
  await run(`DELETE FROM ${table} WHERE id = 1`);
  await rebuild();
  await producer.run();
  expect(Object.keys(landing.rows('thing'))).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10', '99']);
});

test.each([
  ['is not followed at the moment', { enabled: false }],
  ['has a slot of its own', { slot: 'another' }],
])('where a table of the entity %s, nothing is said of the keys that the output has', async (_words, settings) => {
  const { open, redis, other, config, loseRedis, rebuild } = await followed(2, settings);
  const producer = open();
  await producer.run();
  producer.stop();
  await loseRedis();
  await rebuild();
  expect(await redis.exists(`{${config.name}}:keys:${other}`)).toBe(0);
});
