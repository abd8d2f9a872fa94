import { expect, onTestFinished, test } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

/** A table of its own that is followed. */
async function followed(url = server.url) {
  const name = uniqueName('changes');
  await run(`CREATE TABLE ${name} (id int PRIMARY KEY, name text)`);
  onTestFinished(async () => {
    await server.dropSlots(name);
    await run(`DROP TABLE ${name} CASCADE`);
  });
  const endpoint = { url, table: name, slot: name, entity: 'thing', chunk: 10 };
  return { name, ...followerOf({ things: endpoint }, { entities }) };
}

test('a table that was taken out of the publication is copied again: its changes meanwhile are not in the stream', async () => {
  const { name, open, landing, news } = await followed();
  await run(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`);
  const first = open();
  await first.run();
  first.stop();
  await run(
    `CREATE TABLE ${name}_other (id int PRIMARY KEY)`,
    `ALTER PUBLICATION ${name} SET TABLE ${name}_other`,
    `UPDATE ${name} SET name = 'changed' WHERE id = 1`,
    `DELETE FROM ${name} WHERE id = 2`,
  );
  onTestFinished(async () => {
    await run(`DROP TABLE ${name}_other`);
  });
  await open().run();
  expect(landing.rows('thing')).toEqual({ 1: { id: 1, name: 'changed' } });
  expect(news.join()).toContain('publication');
});

test('a table that is taken out of the publication while it is streamed is put back, and copied again', async () => {
  const { name, open, landing } = await followed();
  await run(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`);
  const producer = open();
  await producer.run();
  await run(
    `CREATE TABLE ${name}_other (id int PRIMARY KEY)`,
    `ALTER PUBLICATION ${name} SET TABLE ${name}_other`,
    `UPDATE ${name} SET name = 'changed' WHERE id = 1`,
    `DELETE FROM ${name} WHERE id = 2`,
  );
  onTestFinished(async () => {
    await run(`DROP TABLE ${name}_other`);
  });
  await producer.run();
  await producer.run();
  expect(landing.rows('thing')).toEqual({ 1: { id: 1, name: 'changed' } });
});

test('rows that a policy hides from the user are not taken for deleted: it is told', async () => {
  const role = uniqueName('reader');
  const url = new URL(server.url);
  url.username = role;
  url.password = 'secret';
  const { name, open, landing } = await followed(url.href);
  await run(
    `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'secret'`,
    `GRANT SELECT ON ${name} TO ${role}`,
    `CREATE PUBLICATION ${name} FOR TABLE ${name}`,
    `INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`,
  );
  await open().run();
  expect(Object.keys(landing.rows('thing'))).toHaveLength(2);
  await run(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`, `CREATE POLICY only_one ON ${name} USING (id = 1)`);
  const error = await open()
    .run({ full: true })
    .then(
      () => undefined,
      (failure: unknown) => failure,
    );
  expect(Object.keys(landing.rows('thing'))).toHaveLength(2);
  expect(error).toMatchObject({ code: 'rows_hidden' });
});

test('a table with tables that inherit from it is refused: their changes come under other names', async () => {
  const { name, open, landing } = await followed();
  await run(`CREATE TABLE ${name}_child () INHERITS (${name})`, `INSERT INTO ${name}_child VALUES (1, 'a')`);
  const error = await open()
    .run()
    .then(
      () => undefined,
      (failure: unknown) => failure,
    );
  await run(`UPDATE ${name}_child SET name = 'changed'`);
  await open()
    .run()
    .catch(() => {});
  expect([{}, { 1: { id: 1, name: 'changed' } }]).toContainEqual(landing.rows('thing'));
  expect(String(error)).toContain('inherit');
});
