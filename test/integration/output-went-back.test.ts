import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, inject, type TestContext, test, vi } from 'vitest';
import { type PathOptions, WholePath } from './whole-path.js';

/** The tables of a schema as they are, put back later with everything in them. */
async function takeSnapshot(path: WholePath): Promise<(how: 'DELETE FROM' | 'TRUNCATE') => Promise<void>> {
  const copies = `${path.schema}_copies`;
  const tables = await path.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_catalog.pg_tables WHERE schemaname = '${path.schema}'`,
  );
  const statements = tables.map(({ name }) => `CREATE TABLE ${copies}.${name} AS TABLE ${name};`);
  await path.query(`CREATE SCHEMA ${copies}; ${statements.join(' ')}`);
  return async (how) => {
    const names = tables.map(({ name }) => name);
    const put = names.map((name) => `${how} ${name}; INSERT INTO ${name} SELECT * FROM ${copies}.${name};`);
    const lock = `LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE;`;
    await path.query(`BEGIN; ${lock} ${put.join(' ')} COMMIT; DROP SCHEMA ${copies} CASCADE`);
  };
}

/** Consumers look at their output every 5 s. */
const untilLookedAt = () => sleep(6_000);

/** The tests mostly wait for the next look at the output, so they run side by side. */
async function beginPath(
  sink: PathOptions['sink'],
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  edits: PathOptions['edits'] = [],
) {
  const path = await WholePath.begin({ sink, edits });
  onTestFinished(() => path.end());
  return path;
}

describe.concurrent('a Postgres that went back', () => {
  test('to a snapshot while the services were stopped gets what it lacks', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(20);
    await path.start();
    await path.settled();
    const restore = await takeSnapshot(path);
    path.change(40);
    await path.settled();
    await path.stop();
    await restore('DELETE FROM');
    await path.start();
    await path.settled();
  });

  test('to a snapshot while two consumers write gets what it lacks, and nobody asks for it', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(20);
    await path.start(2);
    await path.settled();
    const restore = await takeSnapshot(path);
    path.change(40);
    await path.settled();
    path.change(10, 35);
    await restore('DELETE FROM');
    path.change(5, 40);
    await path.settled();
    expect(await path.redisGet('sink-generation')).not.toBeNull();
  });

  test('to a snapshot of an earlier epoch, from before the merge was changed, gets what it lacks', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(20);
    await path.start();
    await path.settled();
    const restore = await takeSnapshot(path);
    path.change(40);
    await path.settled();
    await path.stop();
    path.edit([['quantity: line.quantity', 'amount: line.quantity']]);
    await path.start();
    await path.settled();
    await path.stop();
    await restore('TRUNCATE');
    await path.start();
    await path.settled();
  });

  test.for([
    ['TRUNCATE customers, items, orders, tributary_writers, tributary_marks', 'is emptied with what Tributary keeps'],
    ['DELETE FROM customers', 'loses all rows of a table'],
    ['DROP TABLE customers', 'loses a table'],
    ['DROP TABLE orders', 'loses the table of a merge'],
    ['DROP TABLE tributary_marks', 'loses what shows how far it got'],
    ['DELETE FROM tributary_meta', 'loses its name'],
    ['ALTER TABLE customers DROP COLUMN name', 'loses a column'],
    ['ALTER TABLE customers RENAME COLUMN name TO title', 'has a column renamed'],
  ])('by %s is filled again', async ([statement = ''], context) => {
    const path = await beginPath('postgres', context);
    path.change(40);
    await path.start();
    await path.settled();
    await path.query(statement);
    await path.settled();
  });

  test.for(['DELETE FROM customers', 'TRUNCATE customers'])(
    'in one table, by %s and an INSERT of its older rows, gets what it lacks',
    async (emptied, context) => {
      const path = await beginPath('postgres', context);
      path.change(20);
      await path.start();
      await path.settled();
      await path.query('CREATE TABLE older AS TABLE customers');
      path.change(20, 20);
      await path.settled();
      await untilLookedAt();
      await path.query(`BEGIN; ${emptied}; INSERT INTO customers SELECT * FROM older; COMMIT`);
      await path.settled();
      // Also where rows were changed since then, and others stayed.
      path.change(10, 30);
      await path.settled();
      await path.query(`BEGIN; DELETE FROM customers c USING older o WHERE o._key = c._key;
        INSERT INTO customers SELECT * FROM older; COMMIT; DROP TABLE older`);
      await path.settled();
    },
  );

  test('by TRUNCATE is filled again also if rows were written before it was noticed', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(40);
    await path.start();
    await path.settled();
    await path.query('TRUNCATE customers');
    path.change(3);
    await path.settled();
  });

  test('is told from one with a partitioned table all of whose rows change between two looks', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(10);
    await path.start();
    await path.settled();
    await path.query(`BEGIN; ALTER TABLE customers RENAME TO earlier;
      CREATE TABLE customers (LIKE earlier INCLUDING ALL) PARTITION BY HASH (_key);
      CREATE TABLE even PARTITION OF customers FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE odd PARTITION OF customers FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO customers SELECT * FROM earlier; COMMIT`);
    // It is another table than before, which is noticed once.
    await vi.waitFor(async () => expect(await path.redisGet('sink-generation')).toBe('1'), 20_000);
    for (let changes = 0; changes < 2; changes++) {
      path.change(10);
      await path.settled();
      await untilLookedAt();
    }
    expect(await path.redisGet('sink-generation')).toBe('1');
  });

  test('is told from one whose tables were written anew (VACUUM FULL), and from one that lacks rows a person deleted', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(40);
    await path.start();
    await path.settled();
    await untilLookedAt();
    await path.query("DELETE FROM customers WHERE id = 'C7'");
    await path.query('VACUUM FULL customers');
    path.change(3, 50);
    await untilLookedAt();
    expect(await path.findings()).toMatchObject({ missing: [1, 0, 0] });
    expect(await path.redisGet('sink-generation')).toBeNull();
  });
});

/** Until a consumer has remembered the history of the customers as it is, and so would see that a column is another one. */
async function untilHistoryNoted(path: WholePath): Promise<void> {
  const redis = new Redis(inject('redisUrl'));
  const noted = async () => {
    const [now] = await path.query<{ mark: string }>(
      `SELECT concat_ws(' ', oid, pg_relation_filenode(oid)) AS mark FROM pg_class WHERE oid = 'customers_history'::regclass`,
    );
    for (const key of await redis.keys(`{${path.name}}:*marks`)) {
      const mark = await redis.hget(key, 'customers_history');
      if (mark?.startsWith(`${now?.mark} `)) return true;
    }
    return false;
  };
  try {
    await vi.waitFor(async () => expect(await noted()).toBe(true), { timeout: 40_000, interval: 200 });
  } finally {
    redis.disconnect();
  }
}

describe.concurrent('a history in Postgres', () => {
  test('has what each key holds again after it lost rows or columns, or the dataset lost a column', {
    timeout: 240_000,
  }, async (context) => {
    const path = await beginPath('postgres', context, [['postgres: {', 'postgres: { history: true,']]);
    path.change(20);
    await path.start();
    await path.settled();
    for (const statement of [
      'ALTER TABLE customers DROP COLUMN name',
      'TRUNCATE customers_history',
      'ALTER TABLE customers_history DROP COLUMN name',
      'ALTER TABLE customers DROP COLUMN name; ALTER TABLE customers_history DROP COLUMN name',
    ]) {
      await untilHistoryNoted(path);
      await path.query(statement);
      await path.settled();
    }
  });
});

describe.concurrent('a reset', () => {
  test('brings back rows that a person deleted, and mends rows that a person changed', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(40);
    await path.start(2);
    await path.settled();
    await path.query("DELETE FROM customers WHERE id < 'C3'; UPDATE customers SET name = 'changed' WHERE id = 'C5'");
    await path.query('DELETE FROM orders');
    await path.reset('customers');
    await path.settled();
  });

  test('does so while no consumer runs, and after a table was emptied', async (context) => {
    const path = await beginPath('postgres', context);
    path.change(40);
    await path.start();
    await path.settled();
    for (const consumer of path.consumers.splice(0)) await consumer.stop();
    await path.query('TRUNCATE customers; DELETE FROM items');
    await path.reset('customers');
    await path.startConsumer();
    await path.settled();
  });
});

describe.concurrent('a CSV folder that went back', () => {
  test('to an older copy, file by file, while the services run gets what it lacks', async (context) => {
    const path = await beginPath('csv', context);
    const copy = `${path.directory}-copy`;
    context.onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    path.change(20);
    await path.start(2);
    await path.settled();
    cpSync(path.directory, copy, { recursive: true });
    path.change(40);
    await path.settled();
    // As rsync does: another file under the same name.
    for (const dataset of ['customers', 'items', 'orders']) {
      for (const name of readdirSync(join(copy, dataset))) {
        cpSync(join(copy, dataset, name), join(path.directory, dataset, `.${name}.new`));
        renameSync(join(path.directory, dataset, `.${name}.new`), join(path.directory, dataset, name));
      }
    }
    await path.settled();
  });

  test('as a whole while the services were stopped gets what it lacks', async (context) => {
    const path = await beginPath('csv', context);
    const copy = `${path.directory}-copy`;
    context.onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    path.change(20);
    await path.start();
    await path.settled();
    cpSync(path.directory, copy, { recursive: true });
    path.change(40);
    await path.settled();
    await path.stop();
    rmSync(path.directory, { recursive: true });
    cpSync(copy, path.directory, { recursive: true });
    await path.start();
    await path.settled();
  });

  test('in one part that its writer is done with is noticed while nothing is written', async (context) => {
    const path = await beginPath('csv', context);
    path.change(20);
    await path.start();
    await path.settled();
    await path.stop();
    const [name = ''] = readdirSync(join(path.directory, 'customers'));
    const part = join(path.directory, 'customers', name);
    const lines = readFileSync(part, 'utf8').split('\r\n');
    await path.start();
    await vi.waitFor(() => expect(path.consumers.flatMap((one) => one.problems())).toEqual([]));
    truncateSync(part, Buffer.byteLength(`${lines.slice(0, 4).join('\r\n')}\r\n`));
    await path.settled();
  });
});
