import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/fault.js';
import { parsePipeline } from '../../src/config/load.js';

const PIPELINE = `
entities:
  order:
    dataset: orders
    queue: order_data
    key: id
    fields: { id: integer, total: decimal, city: string? }
endpoints:
  orders: { url: https://example.org/orders, entity: order, items: $ }
exports:
  set:
`;

function faultsOf(settings: string, more = ''): string[] {
  try {
    const text = `${PIPELINE}${settings
      .trim()
      .split('\n')
      .map((line) => `    ${line.trim()}`)
      .join('\n')}\n${more}`;
    parsePipeline(text, {}, 'pipeline.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

test.each([
  ['a query', 'query: select * from orders\nto: ./exports'],
  ['a query that begins with a comment', 'query: "-- all\\nselect * from orders"\nto: ./exports'],
  [
    'a dataset with filters',
    'dataset: orders\nwhere: { total: { from: 10, below: 20 }, city: { filled: true } }\nto: ./exports',
  ],
  ['S3', 'dataset: orders\nto: s3://ml/sets\ns3: { accessKey: k, secretKey: s }'],
  [
    'everything',
    `dataset: orders
    columns: [id, total, _written_at]
    format: ndjson
    to: ../elsewhere
    schedule: { cron: "0 3 1 */3 *" }
    keep: 4
    split: { train: 0.7, validate: 0.1, test: 0.2, by: id }`,
  ],
])('%s is taken', (_what, settings) => {
  expect(faultsOf(settings)).toEqual([]);
});

test.each([
  ['nothing', 'to: ./exports', /expected a query, or a dataset/],
  ['both', 'query: select 1\ndataset: orders\nto: ./e', /exports\.set\.dataset.*leave out one/],
  ['a query that changes something', 'query: delete from orders\nto: ./e', /query.*expected one SELECT/],
  ['another dataset', 'dataset: order\nto: ./e', /no dataset "order": .*orders/],
  ['another column', 'dataset: orders\ncolumns: [id, price]\nto: ./e', /columns.*no column "price"/],
  [
    'a filter of another column',
    'dataset: orders\nwhere: { price: { above: 1 } }\nto: ./e',
    /where.*no column "price"/,
  ],
  ['an unknown comparison', 'dataset: orders\nwhere: { total: { over: 1 } }\nto: ./e', /over/],
  ['an empty comparison', 'dataset: orders\nwhere: { total: {} }\nto: ./e', /expected a comparison/],
  ['a column twice', 'dataset: orders\ncolumns: [id, id]\nto: ./e', /"id" stands there twice/],
  [
    'a split by a column that is not written',
    'dataset: orders\ncolumns: [id]\nsplit: { a: 0.5, b: 0.5, by: city }\nto: ./e',
    /split\.by.*"city"/,
  ],
  [
    'shares that do not add up',
    'dataset: orders\nsplit: { a: 0.5, b: 0.4, by: id }\nto: ./e',
    /add up to 0\.9: expected 1/,
  ],
  ['one share', 'dataset: orders\nsplit: { a: 0.5, by: id }\nto: ./e', /two files or more/],
  ['a share of everything', 'dataset: orders\nsplit: { a: 1, b: 0.5, by: id }\nto: ./e', /between 0 and 1/],
  [
    'a file named as a path',
    'dataset: orders\nsplit: { "../a": 0.5, b: 0.5, by: id }\nto: ./e',
    /becomes the name of a file/,
  ],
  ['another server', 'dataset: orders\nto: gs://bucket/x', /expected a folder of this machine, or s3/],
  ['no bucket', 'dataset: orders\nto: s3:///x', /expected a folder of this machine, or s3/],
  ['a path that leaves its prefix', 'dataset: orders\nto: s3://bucket/../x', /without \.\./],
  ['a path that leaves its folder', 'dataset: orders\nto: exports/../../x', /without \.\./],
  [
    'S3 without credentials',
    'dataset: orders\nto: s3://b/x',
    /exports\.set\.s3: to is written to S3.*accessKey and secretKey/,
  ],
  [
    'credentials in the address',
    'dataset: orders\nto: s3://key:hidden@b/x',
    /exports\.set\.to: expected s3:\/\/bucket/,
  ],
  ['half of a key', 'dataset: orders\nto: s3://b/x\ns3: { accessKey: k }', /belong together/],
  ['a wrong schedule', 'dataset: orders\nto: ./e\nschedule: { cron: "61 * * * *" }', /not a cron expression/],
  ['keep nothing', 'dataset: orders\nto: ./e\nkeep: 0', /keep/],
  ['an unknown format', 'dataset: orders\nto: ./e\nformat: xlsx', /expected parquet, csv or ndjson/],
])('%s is refused in words', (_what, settings, words) => {
  expect(faultsOf(settings).join('\n')).toMatch(words);
});

test('a history that Postgres does not keep is refused', () => {
  const settings = 'dataset: orders\nview: history\nto: ./e';
  expect(faultsOf(settings, 'sink: { type: postgres }').join('\n')).toMatch(/keeps no history/);
  expect(faultsOf(settings, 'sink: { type: postgres, postgres: { history: true } }')).toEqual([]);
});

test.each([
  ['city: [{ bucket: 10 }]', 'city', 'bucket is for integer, number, decimal, and the column is of type string'],
  ['id: [{ bucket: 10 }, { to: year }]', 'id', 'to is for date, datetime, string, and the column is of type integer'],
  ['total: [{ groups: { low: ["1"] } }]', 'total', 'groups is for string, integer, boolean, date, and the column'],
])('a level that is not for the type of its column is told: %s', (quasi, column, fault) => {
  const faults = faultsOf(`dataset: orders\nto: ./exports\nprivacy: { quasi: { ${quasi} }, k: 2 }`);
  expect(faults).toEqual([expect.stringContaining(`exports.set.privacy.quasi.${column}`)]);
  expect(faults[0]).toContain(fault);
});
