import { describe, expect, it } from 'vitest';
import { bodyOf } from '../../src/discover/ask/body.js';
import { namesOf, namesOfTables } from '../../src/discover/names.js';
import { columnsOf } from '../../src/discover/records/columns.js';
import { understand } from '../../src/discover/records/entity.js';
import { placesIn } from '../../src/discover/records/places.js';
import { typeOf } from '../../src/discover/records/types.js';

const many = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));
const records = many(3, (id) => ({ id, name: `n${id}` }));

it('looks at no more columns than are compared, where each record has a name of its own', { timeout: 180_000 }, () => {
  const own = many(15_000, (id) => ({ id, [`field${id}`]: 1 }));
  const columns = columnsOf(own, { isText: false });
  expect(columns).toHaveLength(120);
  expect(columns[0]).toMatchObject({ name: 'id', filled: 15_000 });
});

describe('where the records lie', () => {
  it.each([
    ['the body itself', records, '$', 'list'],
    ['an envelope', { meta: { total: 3 }, data: records, errors: [] }, '$.data', 'list'],
    ['a name that the address has', { items: records.slice(1), orders: records }, '$.orders', 'list'],
    [
      'edges of GraphQL',
      { data: { things: { edges: records.map((node) => ({ node })) } } },
      '$.data.things.edges',
      'list',
    ],
    ['a list behind a header', [{ page: 1 }, records], '$[1]', 'list'],
    ['objects by name', { EUR: { rate: 1, at: 2 }, CHF: { rate: 2, at: 3 }, USD: { rate: 3, at: 4 } }, '$', 'map'],
    [
      'values by name in days',
      { base: 'EUR', rates: { '2024-01-02': { USD: 1.1 }, '2024-01-03': { USD: 1.2 } } },
      '$.rates',
      'map',
    ],
    ['values by name', { base: 'EUR', rates: { CHF: 0.9, USD: 1.1, GBP: 0.8 } }, '$.rates', 'map'],
    ['columns', { latitude: 1, hourly: { time: ['a', 'b', 'c'], value: [1, 2, 3] } }, '$.hourly', 'columns'],
    [
      'rows of cells',
      {
        values: [
          ['id', 'n'],
          ['1', '2'],
          ['3', '4'],
        ],
      },
      '$.values',
      'rows',
    ],
    ['one object', { id: 7, name: 'x', lines: [{ sku: 'a' }, { sku: 'b' }] }, '$', 'single'],
    [
      'one object that says much beside a list',
      {
        weather: [{ main: 'Clear' }],
        main: { temp: 1, a: 2, b: 3 },
        wind: { c: 1, d: 2 },
        dt: 1,
        base: 'x',
        name: 'y',
      },
      '$',
      'single',
    ],
  ])('%s', (_what, body, items, as) => {
    expect(placesIn(body, 'orders')[0]).toMatchObject({ items, as });
  });
});

describe('what a body is', () => {
  it.each([
    ['{"a":1}', 'json'],
    ['{"a":1}\n{"a":2}\n', 'ndjson'],
    ['id,name\n1,x\n', 'csv'],
    ['id;name\n1;"x;y"\n', 'csv'],
    ['<?xml version="1.0"?><rss><channel/></rss>', 'xml'],
    ['<!DOCTYPE html><html></html>', 'html'],
    [' ', 'empty'],
    ['Welcome, to the API', 'text'],
  ])('is seen by itself: %s', (text, format) => {
    expect(bodyOf(text).format).toBe(format);
  });
});

describe('the type of a field', () => {
  it.each<[string, (string | number | boolean)[], string, object?]>([
    ['id', [1, 2], 'integer'],
    ['price', [1, 2.5], 'decimal'],
    ['score', [1.5], 'number'],
    ['open', [true, false], 'boolean'],
    ['created', [1714550400, 1714550401], 'datetime', { unit: 's' }],
    ['updatedAt', [1714550400000], 'datetime', { unit: 'ms' }],
    ['count', [1714550400], 'integer'],
    ['ts', ['1714550400.000200'], 'datetime', { unit: 's' }],
    ['id', ['1', '2'], 'string'],
    ['zip', ['01234'], 'string'],
    ['total_price', ['19.90', '5.00'], 'decimal'],
    ['num_segments', ['1', '12'], 'integer'],
    ['created', ['2024-05-01T08:00:00Z', '2024-05-01 09:00'], 'datetime'],
    ['sent', ['Wed, 01 May 2024 08:00:00 +0000'], 'datetime'],
    ['changed', ['/Date(1714550400000+0000)/'], 'datetime'],
    ['day', ['2024-05-01'], 'date'],
    ['day', ['31/12/2024', '01/02/2024'], 'date', { format: 'dd/MM/yyyy' }],
    ['day', ['12/31/2024'], 'date', { format: 'MM/dd/yyyy' }],
    ['at', ['31.12.2024 08:15'], 'datetime', { format: 'dd.MM.yyyy HH:mm' }],
    ['value', [1, 'a'], 'string'],
    ['closed_at', [], 'datetime'],
    ['title', [], 'string'],
  ])('%s %j is %s', (name, values, type, more = {}) => {
    expect(typeOf(name, values, false)).toMatchObject({ type, ...more });
  });

  it('is unsure of days that could be months', () => {
    expect(typeOf('day', ['01/02/2024'], false)).toMatchObject({ format: 'dd/MM/yyyy', isSure: false });
  });

  it('comes from the digits where everything is text', () => {
    expect(typeOf('cases', ['1.0', '2.25'], true)).toMatchObject({ type: 'decimal' });
    expect(typeOf('temperature', ['1.0', '2.25'], true)).toMatchObject({ type: 'number' });
    expect(typeOf('cases', ['1', '25'], true)).toMatchObject({ type: 'integer' });
  });
});

const pathsOf = (raw: readonly unknown[]) =>
  Object.fromEntries(columnsOf(raw, { isText: false }).map(({ name, type, path }) => [name, `${type} ${path}`]));

describe('the columns', () => {
  it('are made of nested values, with short names', () => {
    const raw = many(3, (id) => ({
      id,
      fields: { 'Due date': '2024-05-01', status: { name: 'x', id: 'y' } },
      tags: ['a'],
      lines: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 2 },
      ],
    }));
    expect(pathsOf(raw)).toEqual({
      id: 'integer $.id',
      Due_date: "date $.fields['Due date']",
      status_name: 'string $.fields.status.name',
      status_id: 'string $.fields.status.id',
      tags: 'json $.tags',
      lines: 'list $.lines',
    });
  });

  it('hold a value once, and none that only describes the answer', () => {
    const raw = many(4, (id) => ({
      id: `abcdef-${id}`,
      properties: { hs_object_id: `abcdef-${id}`, n: id },
      _links: { self: 'x' },
      attributes: { type: 'A', url: `/a/${id}` },
    }));
    expect(pathsOf(raw)).toEqual({ id: 'string $.id', n: 'integer $.properties.n' });
  });

  it('take the value of a property that names its own type', () => {
    const raw = many(3, (id) => ({
      id,
      properties: {
        Name: { id: 't', type: 'title', title: [{ plain_text: `n${id}` }] },
        Amount: { id: 'n', type: 'number', number: id },
      },
    }));
    expect(pathsOf(raw)).toMatchObject({
      Amount: 'integer $.properties.Amount.number',
      Name: 'string $.properties.Name.title[0].plain_text',
    });
  });
});

const names = namesOf('https://x.example/v1/orders', undefined, undefined);
const options = { isText: false, isSingle: false, names, since: undefined };

describe('key and version', () => {
  it('are what is called like them, and unique', () => {
    const found = understand(
      many(5, (id) => ({
        number: id,
        id: `a${id}`,
        created_at: `2024-05-0${id}T00:00:00Z`,
        updated_at: `2024-06-0${id}T00:00:00Z`,
      })),
      options,
    );
    expect(found?.key.value.map(({ name }) => name)).toEqual(['id']);
    expect(found?.version?.value).toMatchObject({ isOfCreation: false, column: { name: 'updated_at' } });
  });

  it('may be two columns together', () => {
    const found = understand(
      many(6, (n) => ({ country: n % 2 ? 'CH' : 'DE', year: String(2000 + Math.ceil(n / 2)), value: 1.5 })),
      options,
    );
    expect(found?.key.value.map(({ name }) => name)).toEqual(['year', 'country']);
    expect(found?.key.isSure).toBe(false);
  });

  it('leave repeats of a record aside, and are none where records cannot be told apart', () => {
    const raw = many(4, (id) => ({ id }));
    expect(understand([...raw, ...raw], options)?.count).toBe(4);
    expect(understand([{ a: 1.5 }, { a: 2.5 }], options)).toBeUndefined();
  });

  it('take the time of a measurement into the key of a single object', () => {
    const found = understand([{ id: 1, dt: 1714550400, temp: 1.5 }], { ...options, isSingle: true });
    expect(found?.key.value.map(({ name }) => name)).toEqual(['id', 'dt']);
  });
});

describe('names', () => {
  it.each([
    ['https://api.example.org/v1/orders', { entity: 'order', dataset: 'orders', endpoint: 'orders' }],
    [
      'https://x.example/api/v2/incremental/tickets/cursor.json?start_time=1',
      { entity: 'ticket', dataset: 'tickets', endpoint: 'tickets' },
    ],
    [
      `\${API}/crm/v3/objects/line_items/search`,
      { entity: 'line_item', dataset: 'line_items', endpoint: 'line-items' },
    ],
    ['https://x.example/w/api.php?action=query', { entity: 'x', dataset: 'xes', endpoint: 'xes' }],
    ['https://api.weather.example/', { entity: 'weather', dataset: 'weathers', endpoint: 'weathers' }],
  ])('come from the address: %s', (url, found) => {
    expect(namesOf(url, undefined, undefined)).toEqual(found);
  });
});

it.each([
  [
    'tables of two schemas',
    ['crm.customers', 'shop.customers', 'orders'],
    ['crm_customers', 'shop_customers', 'orders'],
  ],
  ['a table of one schema and one of the usual', ['customers', 'shop.customers'], ['customers', 'shop_customers']],
  ['one and many', ['customer', 'customers', 'Customers'], ['customer', 'customers_2', 'customers_3']],
  ['years before the name', ['2025_orders', '2026_orders'], ['orders', 'orders_2']],
  ['letters that no name has', ['заказы', 'клиенты'], ['record', 'record_2']],
  ['a schema that makes another name', ['a.b_cs', 'a_b.cs', 'b_cs', 'cs'], ['a_b_cs', 'a_b_cs_2', 'b_cs', 'cs']],
  ['tables that an output keeps', ['customers', 'customers_history'], ['customers', 'customers_history_2']],
  [
    'the same first fifty letters',
    [`${'x'.repeat(60)}1`, `${'x'.repeat(60)}2`],
    ['x'.repeat(50), `${'x'.repeat(50)}_2`],
  ],
])('names of %s are not the same', (_what, tables, datasets) => {
  const names = [...namesOfTables(tables).values()];
  expect(names.map(({ dataset }) => dataset)).toEqual(datasets);
  for (const kind of ['entity', 'dataset', 'endpoint'] as const)
    expect(new Set(names.map((one) => one[kind])).size).toBe(tables.length);
});
