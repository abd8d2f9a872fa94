import { ConfigError, parsePipeline } from '@tributary/shared';
import { expect, test } from 'vitest';

function faults(endpoint: object, more: object = {}, entity: object = {}): string[] {
  const fields = { id: 'integer', total: { type: 'decimal', value: 'double(id)' } };
  const bank = { source: 'postgres-changes', url: 'postgres://reader@localhost/bank', table: 'posts', entity: 'post' };
  const text = JSON.stringify({
    entities: { post: { dataset: 'posts', queue: 'posts', key: 'id', fields, ...entity } },
    endpoints: { bank: { ...bank, ...endpoint }, ...more },
  });
  try {
    parsePipeline(text, {}, 'test');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

test('a table is followed with its database, its name and its entity alone', () => {
  expect(faults({})).toEqual([]);
  expect(faults({ deletes: { when: 'id > 5' }, where: 'id > 1', slot: 'a_1', publication: 'any Name' })).toEqual([]);
});

test.each<[string, object, RegExp]>([
  ['another database', { url: 'mysql://localhost/bank' }, /^endpoints\.bank\.url: .*expected the URL of a Postgres/],
  ['no table', { table: undefined }, /^endpoints\.bank\.table/],
  ['a name that no slot can have', { slot: 'Bank-1' }, /^endpoints\.bank\.slot: .*small letters/],
  ['deletes.missing', { deletes: { missing: true } }, /^endpoints\.bank\.deletes\.missing: the log .* leave it out/],
  ['a list of values', { for: { region: ['eu'] } }, /^endpoints\.bank\.for: .*leave it out/],
  ['a placeholder', { table: 'posts_{{since}}' }, /\{\{since\}\} is filled by nothing/],
  ['increments', { incremental: { overlap: '5s' } }, /^endpoints\.bank.*incremental/],
])('refuses %s', (_what, endpoint, words) => {
  expect(faults(endpoint).join('\n')).toMatch(words);
});

test('refuses a key that is no column: of a deleted row only columns of the key are told', () => {
  const key = { fields: { id: 'integer $.nested.id' } };
  expect(faults({}, {}, key)).toEqual([expect.stringMatching(/^endpoints\.bank\.map\.id: .*not one column/)]);
});

test('refuses an entity that another kind of source brings too: versions of the log cannot be compared with others', () => {
  const more = { api: { url: 'http://127.0.0.1:1/', entity: 'post' } };
  expect(faults({}, more)).toEqual([
    expect.stringMatching(/^endpoints\.bank\.entity: "api" brings records of "post" too/),
  ]);
  const second = {
    shop: { source: 'postgres-changes', url: 'postgres://localhost/shop', table: 'posts', entity: 'post' },
  };
  expect(faults({}, second)).toEqual([]);
});
