import { Client } from 'pg';
import { expect, inject, test } from 'vitest';
import { mariadbFor } from '../integration/sources/databases.js';
import { uniqueName } from '../services/handle.js';
import { runOnce } from './support/once.js';
import { readRows } from './support/output.js';
import { useStage } from './support/stage.js';

const stage = useStage();

async function postgres(...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

test('rows of one database are read for each record of another, and for each value of a list', async () => {
  const [orders, lines] = [uniqueName('orders'), uniqueName('lines')];
  await postgres(
    `CREATE TABLE ${orders} (id bigint PRIMARY KEY, region text NOT NULL, at timestamptz NOT NULL)`,
    `INSERT INTO ${orders} SELECT n, CASE WHEN n % 3 = 0 THEN 'us' WHEN n % 3 = 1 THEN 'eu' ELSE 'as' END, now() FROM generate_series(1, 30) n`,
  );
  stage.atEnd('the table of Postgres', () => postgres(`DROP TABLE ${orders}`));
  const mariadb = await mariadbFor(inject('mariadbUrl'));
  stage.atEnd('the reader of MariaDB', () => mariadb.remove());
  const values = Array.from({ length: 60 }, (_, n) => `(${n + 1}, ${Math.floor(n / 2) + 1})`);
  await mariadb.run(
    `CREATE TABLE ${lines} (id int PRIMARY KEY, order_id bigint NOT NULL)`,
    `INSERT INTO ${lines} VALUES ${values.join(', ')}`,
  );
  stage.atEnd('the table of MariaDB', () => mariadb.run(`DROP TABLE ${lines}`));
  const output = stage.path('out');
  const entity = (dataset: string, fields: object, more: object = {}) => ({
    dataset,
    queue: dataset,
    key: 'id',
    fields,
    ...more,
  });
  const pipeline = {
    name: uniqueName('children'),
    entities: {
      order: entity('orders', { id: 'integer', region: 'string', at: 'datetime' }, { version: 'at' }),
      line: entity('lines', {
        id: 'integer',
        order_id: 'integer',
        region: 'string $.$for.region',
        at: 'datetime $.$parent.at',
      }),
    },
    endpoints: {
      orders: {
        source: 'sql',
        url: inject('postgresUrl'),
        query: `SELECT id, region, at FROM ${orders} WHERE region = {{region}}`,
        for: { region: ['eu', 'us'] },
        entity: 'order',
      },
      lines: {
        source: 'sql',
        url: mariadb.url,
        query: `SELECT id, order_id FROM ${lines} WHERE order_id = {{parent.id}}`,
        parent: { endpoint: 'orders' },
        incremental: false,
        entity: 'line',
      },
    },
    sink: { type: 'csv', csv: { directory: output } },
  };
  const { summary } = await runOnce(stage, ['--config', stage.write('children.yaml', JSON.stringify(pipeline))], {});
  expect(summary.deadLettered).toBe(0);
  const regionOf = (order: number) => (order % 3 === 0 ? 'us' : order % 3 === 1 ? 'eu' : 'as');
  const expected = Array.from({ length: 60 }, (_, n) => [n + 1, Math.floor(n / 2) + 1] as const)
    .filter(([, order]) => regionOf(order) !== 'as')
    .map(([line, order]) => `${line} ${order} ${regionOf(order)}`);
  const found = (await readRows(output, 'lines')).map(({ cells }) => `${cells.id} ${cells.order_id} ${cells.region}`);
  expect(found.toSorted()).toEqual(expected.toSorted());
  expect(await readRows(output, 'orders')).toHaveLength(20);
});
