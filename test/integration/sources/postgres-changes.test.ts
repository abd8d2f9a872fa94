import { expect, onTestFinished, test, vi } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

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
    await server.dropSlots(name);
    await run(`DROP TABLE IF EXISTS ${name}`, `DROP PUBLICATION IF EXISTS ${name}`);
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

test('a row that gets another key is gone under the old one, and a truncated table has no rows', async () => {
  const { name, open, landing } = await followed();
  const producer = open();
  await run(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
  await producer.run();
  await run(`UPDATE ${name} SET id = 11 WHERE id = 1`, `INSERT INTO ${name} VALUES (1, 'again')`);
  await producer.run();
  expect(landing.history('thing', '1')).toEqual([{ id: 1, name: 'a' }, null, { id: 1, name: 'again' }]);
  expect(landing.rows('thing')).toMatchObject({ 11: { id: 11, name: 'a' } });
  await run(`TRUNCATE ${name}`, `INSERT INTO ${name} VALUES (2, 'back')`);
  await producer.run();
  expect(landing.rows('thing')).toEqual({ 2: { id: 2, name: 'back' } });
  expect(landing.history('thing', '3')).toEqual([{ id: 3, name: 'c' }, null]);
});

test('a large value that an update left as it was is read from the table, and never emptied', async () => {
  const { name, open, landing } = await followed({
    columns: 'id int PRIMARY KEY, name text, body text',
    fields: { ...FIELDS, body: 'string?' },
  });
  // Too large for its page, and not compressed.
  await run(`ALTER TABLE ${name} ALTER body SET STORAGE EXTERNAL`);
  const producer = open();
  await producer.run();
  await run(
    `INSERT INTO ${name} SELECT n, 'a', repeat(chr(64 + n), 9000) FROM generate_series(1, 3) n`,
    `UPDATE ${name} SET name = 'b' WHERE id < 3`,
    `UPDATE ${name} SET name = 'c' WHERE id = 3`,
    `DELETE FROM ${name} WHERE id = 3`,
  );
  await producer.run();
  expect(landing.rows('thing')).toEqual({
    1: { id: 1, name: 'b', body: 'A'.repeat(9_000) },
    2: { id: 2, name: 'b', body: 'B'.repeat(9_000) },
  });
  await run(
    `ALTER TABLE ${name} REPLICA IDENTITY FULL`,
    `UPDATE ${name} SET name = 'd' WHERE id = 2`,
    `DELETE FROM ${name} WHERE id = 1`,
  );
  await producer.run();
  expect(landing.rows('thing')).toEqual({ 2: { id: 2, name: 'd', body: 'B'.repeat(9_000) } });
});

test('types of extensions, ranges and composites come as the text that Postgres writes, the same from the copy and from the stream', async () => {
  await run('CREATE EXTENSION IF NOT EXISTS hstore', 'CREATE EXTENSION IF NOT EXISTS citext');
  const types = { tags: 'hstore', mail: 'citext', span: 'int4range', maps: 'hstore[]', list: 'citext[]' };
  const columns = Object.entries(types).map(([name, type]) => `${name} ${type}`);
  const { name, open, landing, messages } = await followed({
    columns: `id int PRIMARY KEY, ${columns.join(', ')}`,
    fields: { id: 'integer', tags: 'string?', mail: 'string?', span: 'string?', maps: 'json?', list: 'json?' },
  });
  const values = `hstore('"a"=>"1", "b c"=>NULL, "d"=>"say \\"ü\\""'), 'Ada@Example.org', '[1,5)', ARRAY['x=>1'::hstore, NULL], '{Ü,b}'`;
  await run(`INSERT INTO ${name} VALUES (1, ${values})`);
  const producer = open();
  await producer.run();
  await run(`INSERT INTO ${name} VALUES (2, ${values})`, `DELETE FROM ${name} WHERE id = 1`);
  await producer.run();
  const row = {
    tags: '"a"=>"1", "d"=>"say \\"ü\\"", "b c"=>NULL',
    mail: 'Ada@Example.org',
    span: '[1,5)',
    maps: ['"x"=>"1"', null],
    list: ['Ü', 'b'],
  };
  expect(landing.history('thing', '1')).toEqual([{ id: 1, ...row }, null]);
  expect(landing.history('thing', '2')).toEqual([{ id: 2, ...row }]);
  expect(messages).toHaveLength(3);
});

test('columns that come and go are told, and rows are read as they are from then on', async () => {
  const { name, open, landing, news } = await followed({ fields: { ...FIELDS, size: 'integer?' } });
  const producer = open();
  await run(`INSERT INTO ${name} VALUES (1, 'a')`);
  await producer.run({});
  await run(
    `INSERT INTO ${name} VALUES (2, 'b')`,
    `ALTER TABLE ${name} ADD size int`,
    `INSERT INTO ${name} VALUES (3, 'c', 5)`,
    `ALTER TABLE ${name} DROP name`,
    `UPDATE ${name} SET size = 6 WHERE id = 3`,
  );
  await producer.run();
  expect(landing.rows('thing')).toEqual({ 1: { id: 1, name: 'a' }, 2: { id: 2, name: 'b' }, 3: { id: 3, size: 6 } });
  expect(news.filter((one) => /columns/.test(one))).toEqual([
    expect.stringMatching(/new: size/),
    expect.stringMatching(/gone: name/),
  ]);
});

test('where the slot is gone, a new one is made, and the copy brings what changed and what went meanwhile', async () => {
  const { name, open, landing, news } = await followed();
  await run(`INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 15) n`);
  const first = open();
  await first.run();
  first.stop();
  await run(`DELETE FROM ${name} WHERE id = 3`);
  await open().run();
  const [slot] = await run(`SELECT slot_name FROM pg_replication_slots WHERE starts_with(slot_name, '${name}_')`);
  await run(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot?.slot_name}' AND active_pid IS NOT NULL`,
  );
  await vi.waitFor(() => run(`SELECT pg_drop_replication_slot('${slot?.slot_name}')`), 20_000);
  await run(`DELETE FROM ${name} WHERE id = 1`, `UPDATE ${name} SET name = 'changed' WHERE id = 2`);
  await open().run();
  expect(news).toContainEqual(
    expect.stringMatching(/slot .* is gone: a new slot is made, and all tables are copied again/),
  );
  expect(landing.history('thing', '1')).toEqual([{ id: 1, name: 'row 1' }, null]);
  expect(landing.history('thing', '2')).toEqual([
    { id: 2, name: 'row 2' },
    { id: 2, name: 'changed' },
  ]);
  expect(landing.history('thing', '3')).toEqual([{ id: 3, name: 'row 3' }, null]);
  expect(landing.history('thing', '4')).toEqual([{ id: 4, name: 'row 4' }]);
});

test('what RabbitMQ lost is got again: the cursor is void, and the slot goes on where it was', async () => {
  const { name, open, landing, stores, endpoint } = await followed();
  await run(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`);
  const producer = open();
  await producer.run();
  const slots = () =>
    run(`SELECT slot_name FROM pg_replication_slots WHERE starts_with(slot_name, '${name}_') AND NOT temporary`);
  const before = await slots();
  await run(`UPDATE ${name} SET name = 'aa' WHERE id = 1`, `DELETE FROM ${name} WHERE id = 2`);
  await stores.cursors.reset(endpoint);
  await producer.run();
  expect(await slots()).toEqual(before);
  expect(landing.rows('thing')).toEqual({ 1: { id: 1, name: 'aa' } });
  expect(landing.history('thing', '1')).toHaveLength(2);
});

test('a slot that is ahead of what was saved has lost changes: everything is copied again', async () => {
  const { name, open, landing, stores, endpoint, news } = await followed();
  const first = open();
  await first.run();
  const older = await stores.cursors.peek(endpoint);
  await run(`INSERT INTO ${name} VALUES (1, 'a')`);
  await first.run();
  first.stop();
  await stores.cursors.begin(endpoint, 0);
  await stores.cursors.save(endpoint, older);
  await open().run();
  expect(news).toContainEqual(expect.stringMatching(/was confirmed up to .*: all tables are copied again/));
  expect(landing.history('thing', '1')).toEqual([{ id: 1, name: 'a' }]);
});

test('a copy that was broken off goes on behind what was confirmed, under a later snapshot', async () => {
  const { name, open, landing, messages } = await followed();
  await run(`INSERT INTO ${name} SELECT n, 'row ' || n FROM generate_series(1, 35) n`);
  let published = 0;
  const first = open();
  const dying = first.run({}, () => {
    published += 1;
    if (published > 25) throw new Error('killed');
  });
  await expect(dying).rejects.toThrow('killed');
  first.stop();
  await run(`UPDATE ${name} SET name = 'changed' WHERE id IN (2, 32)`, `DELETE FROM ${name} WHERE id IN (4, 34)`);
  await open().run();
  expect(Object.keys(landing.rows('thing'))).toHaveLength(33);
  expect(landing.history('thing', '2')).toEqual([
    { id: 2, name: 'row 2' },
    { id: 2, name: 'changed' },
  ]);
  expect(landing.history('thing', '4')).toEqual([{ id: 4, name: 'row 4' }, null]);
  expect(landing.rows('thing')).toMatchObject({ 32: { name: 'changed' } });
  // Two chunks of ten were confirmed, and not copied again.
  expect(messages.filter(({ envelope }) => envelope.key === '5')).toHaveLength(1);
});

test('several tables share a slot, in the order of their transactions; one that is added is copied alone', async () => {
  const name = uniqueName('shared');
  onTestFinished(async () => {
    await server.dropSlots(name);
    await run(`DROP TABLE IF EXISTS ${name}_a, ${name}_b`, `DROP PUBLICATION IF EXISTS ${name}`);
  });
  await run(
    `CREATE TABLE ${name}_a (id int PRIMARY KEY, name text)`,
    `CREATE TABLE ${name}_b (id int PRIMARY KEY, name text)`,
  );
  const fields = FIELDS;
  const entities = {
    a: { dataset: 'a', queue: 'a', key: 'id', fields },
    b: { dataset: 'b', queue: 'b', key: 'id', fields },
  };
  const one = (table: string) => ({ url: server.url, table: `${name}_${table}`, slot: name, entity: table });
  const alone = followerOf({ a: one('a') }, { entities: { a: entities.a } });
  const single = alone.open();
  await run(`INSERT INTO ${name}_a VALUES (1, 'a1')`, `INSERT INTO ${name}_b VALUES (1, 'b1')`);
  await single.run();
  single.stop();
  const both = followerOf({ a: one('a'), b: one('b') }, { entities });
  await both.stores.cursors.begin(both.endpoint, 0);
  await both.stores.cursors.save(both.endpoint, await alone.stores.cursors.peek(alone.endpoint));
  const producer = both.open();
  await producer.run();
  expect(both.messages.map(({ envelope }) => envelope.entity)).toEqual(['b']);
  await run(
    `BEGIN; INSERT INTO ${name}_a VALUES (2, 'a'); INSERT INTO ${name}_b VALUES (2, 'b'); UPDATE ${name}_a SET name = 'aa' WHERE id = 2; COMMIT`,
  );
  await producer.run();
  expect(both.messages.slice(1).map(({ envelope }) => `${envelope.endpoint} ${envelope.key}`)).toEqual([
    'a 2',
    'b 2',
    'a 2',
  ]);
});

test('a partitioned table is one table, and generated columns are left to expressions', async () => {
  const { name, open, landing } = await followed({
    columns: `id int, name text, twice int GENERATED ALWAYS AS (id * 2) STORED, PRIMARY KEY (id)) PARTITION BY RANGE (id`,
    fields: { ...FIELDS, twice: 'integer?' },
  });
  await run(
    `CREATE TABLE ${name}_low PARTITION OF ${name} FOR VALUES FROM (0) TO (10)`,
    `CREATE TABLE ${name}_high PARTITION OF ${name} FOR VALUES FROM (10) TO (20)`,
    `INSERT INTO ${name} VALUES (1, 'low'), (11, 'high')`,
  );
  const producer = open();
  await producer.run();
  await run(`UPDATE ${name} SET id = 12 WHERE id = 1`, `UPDATE ${name} SET name = 'higher' WHERE id = 11`);
  await producer.run();
  expect(landing.rows('thing')).toEqual({ 11: { id: 11, name: 'higher' }, 12: { id: 12, name: 'low' } });
});

test.each([
  ['table_without_identity', 'id int, name text', {}, /ADD PRIMARY KEY/],
  ['key_not_identity', 'id int, other int PRIMARY KEY, name text', {}, /only other is told.*REPLICA IDENTITY FULL/],
  ['column_unknown', 'number int PRIMARY KEY, name text', {}, /no column "id".*it has number, name/],
  ['table_unknown', 'id int PRIMARY KEY', { table: 'no_such_table' }, /no table no_such_table/],
])('says with %s what a person has to change', async (code, columns, endpoint, words) => {
  const { open } = await followed({ columns, endpoint });
  const error = await open()
    .run()
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'FatalError', code, message: expect.stringMatching(words) });
});

test('a user without the rights is told which statements help, and the password is not shown', async () => {
  const role = uniqueName('reader');
  await run(`CREATE ROLE ${role} LOGIN PASSWORD 'tell-nobody' IN ROLE pg_read_all_data`);
  onTestFinished(() => run(`DROP ROLE ${role}`).then(() => {}));
  const url = new URL(server.url);
  url.username = role;
  url.password = 'tell-nobody';
  const { name, open } = await followed({ endpoint: { url: url.href } });
  const fail = async () =>
    String(
      await open()
        .run()
        .catch((reason: unknown) => reason),
    );
  const lacksPublication = await fail();
  expect(lacksPublication).toMatch(/CREATE PUBLICATION .* FOR TABLE/);
  await run(`CREATE PUBLICATION ${name} FOR TABLE ${name}`);
  const lacksRole = await fail();
  expect(lacksRole).toMatch(/ALTER ROLE … REPLICATION/);
  await run(`ALTER ROLE ${role} REPLICATION`);
  expect((await open().run()).published).toBe(0);
  for (const told of [lacksPublication, lacksRole]) expect(told).not.toContain('tell-nobody');
});
