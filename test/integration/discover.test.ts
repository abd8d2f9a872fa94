import { createMockApi } from '@tributary/mock-api';
import { discover, draftOfDatabase, pipelineText, targetOf } from '@tributary/producer';
import { createLogger, parsePipeline, systemClock } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { PASSWORD, postgresFor } from './sources/databases.js';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const signal = new AbortController().signal;

const find = (url: string) =>
  discover({ target: targetOf(url, {}), env: {}, requests: 12, clock: systemClock, signal });

test('discover finds records, pages and what asks for changes of the mock CRM', async () => {
  const crm = createMockApi({ log, port: 0, customers: 30, items: 5, changesPerSecond: 0 });
  onTestFinished(() => crm.stop());
  await crm.start();
  const draft = await find(`${crm.url}/customers?limit=10`);
  const { text } = pipelineText(draft, undefined, 'schema.json');
  const config = parsePipeline(text, {}, 'found.yaml');
  expect(config.endpoints.customers).toMatchObject({
    items: '$.data',
    // It has a cursor too; the standard comes first.
    paging: { type: 'link', sizeParameter: 'limit' },
    incremental: { parameter: 'updated_since' },
  });
  expect(config.entities.customer).toMatchObject({
    key: 'id',
    version: 'updatedAt',
    fields: { id: { type: 'string' } },
  });
});

test('discover gives an endpoint for each table of a database that has a key, and never the password', async () => {
  const database = await postgresFor(inject('postgresUrl'));
  onTestFinished(() => database.remove());
  const table = uniqueName('orders');
  await database.run(
    `CREATE TABLE ${table} (id bigint PRIMARY KEY, total numeric(10, 2), placed date NOT NULL, open boolean, extra jsonb, updated_at timestamptz NOT NULL)`,
  );
  onTestFinished(() => database.run(`DROP TABLE ${table}`));
  const draft = await draftOfDatabase({ url: database.url, table, env: {}, signal });
  const { text } = pipelineText(draft, undefined, 'schema.json');
  expect(text).not.toContain(PASSWORD);
  const [entity] = Object.values(parsePipeline(text, draft.secrets, 'found.yaml').entities);
  expect(entity).toMatchObject({
    key: 'id',
    version: 'updated_at',
    fields: {
      id: { type: 'integer', optional: false },
      total: { type: 'decimal', optional: true },
      placed: { type: 'date', optional: false },
      open: { type: 'boolean' },
      extra: { type: 'json' },
      updated_at: { type: 'datetime' },
    },
  });
  await expect(draftOfDatabase({ url: database.url, table: 'nothing', env: {}, signal })).rejects.toThrow(
    /there is no table nothing/,
  );
  // A file that reads another database already goes on reading that.
  const env = { DATABASE_URL: 'postgres://reader@elsewhere/shop' };
  const second = await draftOfDatabase({ url: database.url, table, env, signal });
  expect(second.secrets).toEqual({ DATABASE_URL_2: database.url });
  expect(Object.values(second.endpoints)[0]?.settings.url).toBe(`\${DATABASE_URL_2}`);
});

test('discover names tables apart that are called alike, in a new file and in one that has such a name', async () => {
  const database = await postgresFor(inject('postgresUrl'));
  onTestFinished(() => database.remove());
  const orders = uniqueName('orders');
  const schemas = [uniqueName('shop'), uniqueName('depot')];
  for (const schema of schemas) {
    await database.run(
      `CREATE SCHEMA ${schema}`,
      `CREATE TABLE ${schema}.${orders} (${schema}_id bigint PRIMARY KEY)`,
      `CREATE TABLE ${schema}.${orders}_history (${schema}_past bigint PRIMARY KEY)`,
    );
    onTestFinished(() => database.run(`DROP SCHEMA ${schema} CASCADE`));
  }
  const draft = await draftOfDatabase({ url: database.url, env: {}, signal });
  const first = pipelineText(draft, undefined, 'schema.json').text;
  const twice = pipelineText(draft, first, 'schema.json').text;
  for (const [text, count] of [
    [first, 1],
    [twice, 2],
  ] as const) {
    const { endpoints, entities } = parsePipeline(text, draft.secrets, 'found.yaml');
    for (const schema of schemas) {
      for (const [table, key] of [
        [`${schema}.${orders}`, `${schema}_id`],
        [`${schema}.${orders}_history`, `${schema}_past`],
      ]) {
        const its = Object.values(endpoints).filter((one) => 'table' in one && one.table === table);
        expect(its.map(({ entity }) => entities[entity]?.key)).toEqual(Array(count).fill(key));
      }
    }
    const datasets = Object.values(entities).map(({ dataset }) => dataset);
    const tables = datasets.flatMap((one) => [one, `${one}_history`, `${one}_tombstones`]);
    expect(new Set(tables).size).toBe(tables.length);
  }
});
