import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputCopies } from '@tributary/consumer';
import { BackupFolder, parsePipeline } from '@tributary/shared';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';

const schema = uniqueName('left');
const role = uniqueName('reading');
const client = new Client({ connectionString: inject('postgresUrl') });
const config = parsePipeline(
  `
entities:
  order: { dataset: orders, queue: left_order, key: id, fields: { id: string } }
endpoints:
  shop: { url: "http://127.0.0.1:1/orders", entity: order }
sink: { type: postgres, postgres: { schema: ${schema} } }
`,
  {},
  'test.yaml',
);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'left-'));
  await client.connect();
  await client.query(`CREATE ROLE ${role}; CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
  const own = '_key text PRIMARY KEY, _hash text, _version text, _message_id text, _order text';
  await client.query(`CREATE TABLE orders (${own}, id text); CREATE TABLE plain (${own})`);
});
afterAll(async () => {
  await client.query(`DROP SCHEMA ${escapeIdentifier(schema)} CASCADE; DROP ROLE ${role}`);
  await client.end();
  await rm(folder, { recursive: true });
});

const left = async () =>
  (await outputCopies(config, inject('postgresUrl')).save(new BackupFolder(folder), new AbortController().signal)).left;

test('a backup of plain tables leaves nothing out, and one of tables that people have added to tells all that it leaves out', async () => {
  expect(await left()).toEqual([]);
  await client.query(`
    CREATE TABLE shops (id text PRIMARY KEY);
    ALTER TABLE orders ADD CONSTRAINT of_shop FOREIGN KEY (id) REFERENCES shops, ADD CONSTRAINT apart EXCLUDE USING btree (id WITH =),
      ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY;
    CREATE POLICY mine ON orders USING (true);
    CREATE RULE quiet AS ON DELETE TO orders DO INSTEAD NOTHING;
    CREATE STATISTICS both_columns ON id, _version FROM orders;
    CREATE VIEW newest AS SELECT * FROM plain;
    GRANT USAGE ON SCHEMA ${schema} TO ${role};
    GRANT SELECT ON plain TO ${role}; GRANT SELECT (id) ON orders TO ${role}; GRANT SELECT ON orders TO PUBLIC`);
  const expected = [
    'table shops',
    'sequence orders_number_seq',
    'view newest',
    'foreign key of_shop of orders',
    'exclusion constraint apart of orders',
    'row security policy mine of orders',
    'rule quiet of orders',
    'statistics both_columns of orders',
    'identity of the column number of orders',
    `grant to ${role} on orders, plain`,
    'grant to everybody on orders',
    `grant to ${role} on the schema itself`,
  ];
  expect((await left()).toSorted()).toEqual(
    expected.map((what) => `${what} of schema ${schema} is not Tributary's: it is not in the backup`).sort(),
  );
});
