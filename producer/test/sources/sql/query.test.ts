import { ExactNumber } from '@tributary/shared';
import { expect, test } from 'vitest';
import { DIALECT } from '../../../src/sources/sql/postgres/postgres.js';
import { Origin } from '../../../src/sources/sql/query.js';
import { sqlEndpointWith } from '../../support/pipeline.js';

const URL = 'postgres://reader@localhost/bank';
const QUERY = 'SELECT * FROM line WHERE owner = {{parent.id}} AND region = {{region}} AND since > {{ parent.at }}';

function originOf(settings: object): Origin {
  const posts = { url: 'http://127.0.0.1:1/posts', entity: 'customer' };
  const endpoint = sqlEndpointWith({ url: URL, ...settings }, {}, 'parent' in settings ? { posts } : {});
  return new Origin(endpoint.config, DIALECT, 'lines: the query');
}

const child = () =>
  originOf({ query: QUERY, parent: { endpoint: 'posts' }, for: { region: ['eu'] }, incremental: false });

test('placeholders become parameters, and their values are never part of the text', () => {
  const origin = child();
  expect(origin.from).toBe('(SELECT * FROM line WHERE owner = $1 AND region = $2 AND since > $3\n) q');
  const parent = { id: "1' OR '1' = '1", at: 7 };
  expect(origin.values({ parent })).toEqual([
    { value: "1' OR '1' = '1", sorting: 'text' },
    { value: 'eu', sorting: 'text' },
    { value: '7', sorting: 'number' },
  ]);
  expect(origin.nothing.map(({ value }) => value)).toEqual([null, null, null]);
});

test.each([
  [true, { value: '1', sorting: 'number' }],
  ['', { value: '', sorting: 'text' }],
  ['0123', { value: '0123', sorting: 'text' }],
  ['9007199254740993', { value: '9007199254740993', sorting: 'number' }],
  [new ExactNumber('0.30000000000000000004'), { value: '0.30000000000000000004', sorting: 'number' }],
])('a value is bound as what it is: %j', (at, placed) => {
  expect(
    child()
      .values({ parent: { id: 1, at } })
      .at(-1),
  ).toEqual(placed);
});

test.each([[undefined], [null], [{ a: 1 }], [[1]]])('nothing is asked for without a value: %j', (at) => {
  expect(() => child().values({ parent: { id: 1, at } })).toThrow(/lines: the query: \{\{ ?parent.at ?\}\} is /);
});

test('a table is read as it is', () => {
  const origin = originOf({ table: 'core.line' });
  expect(origin.from).toBe('"core"."line"');
  expect(origin.values({})).toEqual([]);
});
