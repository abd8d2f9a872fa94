import { parsePipeline, systemClock } from '@tributary/shared';
import { expect, test } from 'vitest';
import { compileEndpoints, type Endpoint, type EndpointFrom } from '../../../src/endpoint.js';
import { Gate } from '../../../src/sources/gate.js';
import type { Database, ResultColumn } from '../../../src/sources/sql/database.js';
import { SqlSource } from '../../../src/sources/sql/sql.js';

const ID: ResultColumn = { name: 'id', type: 'integer', sorting: 'number', read: Number };

/** A database without rows. */
const EMPTY: Database = {
  dialect: {
    comparesLists: false,
    quote: (name) => name,
    placeholder: () => '?',
    bytewise: (expression) => expression,
    limited: (select: string, rows: number) => `${select} LIMIT ${rows}`,
    clock: 'CLOCK',
  },
  host: 'localhost',
  name: 'postgres://localhost/shop',
  query: async () => ({ columns: [ID], rows: [] }),
  table: async () => undefined,
  tables: async () => [],
  close: async () => {},
};

const isSql = (endpoint: Endpoint | undefined): endpoint is EndpointFrom<'sql'> => endpoint?.config.source === 'sql';

test('a statement is shown without what came into its query from outside of the file', async () => {
  const settings = {
    entities: { order: { dataset: 'orders', queue: 'orders', key: 'id', fields: { id: 'integer' } } },
    endpoints: {
      orders: {
        source: 'sql',
        url: 'postgres://reader@localhost/shop',
        query: "SELECT id FROM orders WHERE tenant = '$" + "{TENANT_SECRET}'",
        incremental: false,
        entity: 'order',
      },
    },
  };
  const config = parsePipeline(JSON.stringify(settings), { TENANT_SECRET: 'tell-nobody' }, 'test.yaml');
  const [endpoint] = compileEndpoints(config);
  if (!isSql(endpoint)) throw new Error('the endpoint is no database');
  const asked: string[] = [];
  const source = new SqlSource(endpoint, {
    database: EMPTY,
    gate: new Gate(config.limits, systemClock),
    clock: systemClock,
    random: () => 0,
    onRetry: () => {},
    onDoubt: () => {},
    onExchange: (exchange) => asked.push(exchange.asked),
  });
  for await (const _page of source.pages({ validators: [], signal: new AbortController().signal }));
  expect(asked.join()).toContain('FROM orders');
  expect(asked.join()).not.toContain('tell-nobody');
});

test('a counter that is behind what was read before is told: rows would be left out in silence', async () => {
  const fields = { id: 'integer', seq: 'integer' };
  const config = parsePipeline(
    JSON.stringify({
      entities: { order: { dataset: 'orders', queue: 'orders', key: 'id', version: 'seq', fields } },
      endpoints: {
        orders: {
          source: 'sql',
          url: 'postgres://reader@localhost/shop',
          table: 'orders',
          incremental: { overlap: 10 },
          entity: 'order',
        },
      },
    }),
    {},
    'test.yaml',
  );
  const [endpoint] = compileEndpoints(config);
  if (!isSql(endpoint)) throw new Error('the endpoint is no database');
  let newest = '120';
  const told: string[] = [];
  const database: Database = {
    ...EMPTY,
    query: async ({ text }) => ({
      columns: [ID, { ...ID, name: 'seq' }],
      rows: /DESC/.test(text) || /max/i.test(text) ? [[newest]] : [],
    }),
  };
  const source = new SqlSource(endpoint, {
    database,
    gate: new Gate(config.limits, systemClock),
    clock: systemClock,
    random: () => 0,
    onRetry: () => {},
    onDoubt: (doubt) => void told.push(doubt),
  });
  const read = async () => {
    const request = { validators: [], since: '100', signal: new AbortController().signal };
    for await (const _page of source.pages(request));
  };
  await read();
  expect(told.filter((one) => one.includes('reset'))).toEqual([]);
  newest = '80';
  await read();
  expect(told.filter((one) => one.includes('reset'))).toEqual([expect.stringContaining('tributary reset orders')]);
});
