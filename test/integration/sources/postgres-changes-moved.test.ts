import { describe, expect, onTestFinished, test } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

/** Two tables that are followed into one entity. @param first what else of the first is set */
async function followed(first: object = {}) {
  const slot = uniqueName('moved');
  const [a, b] = [`${slot}_a`, `${slot}_b`] as const;
  for (const table of [a, b]) await run(`CREATE TABLE ${table} (id int PRIMARY KEY, name text)`);
  onTestFinished(async () => {
    await server.dropSlots(slot);
    await run(`DROP TABLE ${a}, ${b}`, `DROP PUBLICATION IF EXISTS ${slot}`);
  });
  const one = (table: string) => ({ url: server.url, table, slot, entity: 'thing', chunk: 10 });
  const follower = followerOf({ first: { ...one(a), ...first }, second: one(b) }, { entities });
  /** What is in either table, by key. */
  const there = async () => {
    const rows = await run(`SELECT id, name FROM ${a} UNION SELECT id, name FROM ${b} ORDER BY id`);
    return Object.fromEntries(rows.map((row) => [String(row.id), row]));
  };
  return { a, b, slot, there, ...follower };
}

type Followed = Awaited<ReturnType<typeof followed>>;

const copied = (from: string, to: string, id: number) => `INSERT INTO ${to} SELECT * FROM ${from} WHERE id = ${id}`;
const deleted = (from: string, id: number) => `DELETE FROM ${from} WHERE id = ${id}`;

/** Every way in which a row can move: each of eight keys goes another one. */
function moves({ a, b }: Followed): string[] {
  const ways: readonly (readonly [string, string])[] = [
    [a, b],
    [b, a],
  ];
  return ways.flatMap(([from, to], way) => {
    const key = (which: number) => 4 * way + which;
    const insertFirst = (id: number) => [copied(from, to, id), deleted(from, id)];
    const deleteFirst = (id: number) => [
      deleted(from, id),
      `INSERT INTO ${to} VALUES (${id}, 'row ${id}, moved to ${to}')`,
    ];
    const together = (statements: readonly string[]) => [`BEGIN; ${statements.join('; ')}; COMMIT`];
    return [
      ...together(insertFirst(key(1))),
      ...together(deleteFirst(key(2))),
      ...insertFirst(key(3)),
      ...deleteFirst(key(4)),
    ];
  });
}

async function fill({ a, b }: Followed): Promise<void> {
  await run(
    `TRUNCATE ${a}`,
    `TRUNCATE ${b}`,
    `INSERT INTO ${a} SELECT n, 'row ' || n FROM generate_series(1, 4) n`,
    `INSERT INTO ${b} SELECT n, 'row ' || n FROM generate_series(5, 8) n`,
  );
}

test('a row that moves from one followed table to another of the same entity stays, whichever change comes first', async () => {
  const follower = await followed();
  const { open, landing, there } = follower;
  const producer = open();
  await fill(follower);
  await producer.run();
  await run(...moves(follower));
  await producer.run();
  expect(Object.keys(landing.rows('thing'))).toHaveLength(8);
  expect(landing.rows('thing')).toEqual(await there());
  // Of a row that was inserted before it was deleted no end is told.
  for (const key of ['1', '3', '5', '7']) expect(landing.history('thing', key)).toHaveLength(1);
  for (const table of [follower.a, follower.b]) await run(`DELETE FROM ${table}`);
  await producer.run();
  expect(landing.rows('thing')).toEqual({});
});

test('a row that moves stays also if the producer dies between any two of its changes', async () => {
  const follower = await followed();
  const { open, landing, there, messages } = follower;
  let producer = open();
  await fill(follower);
  await producer.run();
  for (let survived = 0; survived < 14; survived++) {
    await fill(follower);
    await producer.run();
    await run(...moves(follower));
    const before = messages.length;
    const dying = producer.run({}, () => {
      if (messages.length - before >= survived) throw new Error('killed');
    });
    const isKilled = await dying.then(
      () => false,
      () => true,
    );
    producer.stop();
    producer = open();
    await producer.run();
    expect(landing.rows('thing'), `killed after ${survived} messages`).toEqual(await there());
    if (!isKilled) break;
  }
});

test('a row that moved stays when a table is truncated, and when all tables are copied again', async () => {
  const follower = await followed();
  const { a, b, open, landing, there } = follower;
  const producer = open();
  await fill(follower);
  await producer.run();
  await run(copied(a, b, 1), copied(a, b, 2), `TRUNCATE ${a}`);
  await producer.run();
  expect(Object.keys(landing.rows('thing'))).toEqual(['1', '2', '5', '6', '7', '8']);
  await run(`INSERT INTO ${a} VALUES (1, 'back'), (9, 'new')`, deleted(b, 1), copied(b, a, 5), deleted(b, 5));
  await producer.run({ full: true });
  expect(landing.rows('thing')).toEqual(await there());
  await run(deleted(a, 5), deleted(a, 1));
  await producer.run();
  expect(landing.rows('thing')).toEqual(await there());
});

test('a row that moves to another table stays when only the table that it left is copied again', async () => {
  const follower = await followed();
  const { a, b, slot, open, landing, there } = follower;
  const producer = open();
  await fill(follower);
  await producer.run();
  producer.stop();
  await run(
    `ALTER PUBLICATION ${slot} DROP TABLE ${a}`,
    `BEGIN; ${copied(a, b, 1)}; ${deleted(a, 1)}; COMMIT`,
    copied(a, b, 2),
    deleted(a, 2),
    deleted(a, 3),
    deleted(b, 5),
  );
  await open().run();
  expect(landing.rows('thing')).toEqual(await there());
});

describe('a row that where leaves out since an update', () => {
  const leftOut = { where: "name != 'out'" };
  /** What is in either table, and not left out. */
  const shown = async ({ a, b }: Followed) => {
    const rows = await run(`SELECT * FROM ${a} WHERE name <> 'out' UNION SELECT * FROM ${b} ORDER BY id`);
    return Object.fromEntries(rows.map((row) => [String(row.id), row]));
  };
  const out = (table: string, id: number) => `UPDATE ${table} SET name = 'out' WHERE id = ${id}`;

  test('does not keep the key of the other table, also if both change in one transaction or the producer dies', async () => {
    const follower = await followed(leftOut);
    const { a, b, open, landing } = follower;
    const producer = open();
    await fill(follower);
    await run(`INSERT INTO ${b} SELECT id, 'of both' FROM ${a}`);
    await producer.run();
    await run(out(a, 1), out(a, 2), `BEGIN; ${out(a, 3)}; ${deleted(b, 3)}; COMMIT`);
    await producer.run();
    producer.stop();
    await run(deleted(b, 1), out(a, 4), `UPDATE ${a} SET name = 'back' WHERE id = 4`, deleted(b, 4));
    const second = open();
    await second.run();
    expect(landing.rows('thing')).toEqual(await shown(follower));
    await run(`UPDATE ${a} SET name = 'back' WHERE id IN (1, 2)`, deleted(b, 2), out(a, 1));
    await second.run();
    expect(Object.keys(landing.rows('thing'))).toEqual(['1', '2', '4', '5', '6', '7', '8']);
  });

  test('is gone where the other table is truncated, or everything is copied again', async () => {
    const follower = await followed(leftOut);
    const { a, b, open, landing } = follower;
    const producer = open();
    await fill(follower);
    await run(`INSERT INTO ${b} SELECT id, 'of both' FROM ${a}`);
    await producer.run();
    await run(out(a, 1), `TRUNCATE ${b}`, `INSERT INTO ${b} VALUES (1, 'new'), (2, 'new')`);
    await producer.run();
    await run(out(a, 2), deleted(b, 1));
    await producer.run();
    expect(Object.keys(landing.rows('thing'))).toEqual(Object.keys(await shown(follower)));
    await run(deleted(b, 2), out(a, 3));
    await producer.run({ full: true });
    expect(Object.keys(landing.rows('thing'))).toEqual(Object.keys(await shown(follower)));
  });
});
