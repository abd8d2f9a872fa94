import { RetryableError } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import { recordFinder } from '../../../../src/sources/rest/formats/records-at.js';
import { parseXml } from '../../../../src/sources/rest/formats/xml.js';
import { endpointWith } from '../../../support/pipeline.js';

const answer = { status: 200, excerpt: () => '' };
const finderOf = (settings: object) => recordFinder(endpointWith({ url: 'http://api/', ...settings }).config);
const at = (items: string, body: unknown) => finderOf({ items })(body, answer).records;

describe('the records of a body', () => {
  it.each([
    ['$', [1]],
    ['$.data.items', { data: { items: [1] } }],
    ['$[1]', [{ page: 1 }, [1]]],
    ["$['the records']", { 'the records': [1] }],
    ['$.d?', { d: [1] }],
  ])('lie at %s', (path, body) => {
    expect(at(path, body)).toEqual([1]);
  });

  it('may be missing where their path says so, and must be a list if they are there', () => {
    expect(at('$.results?', {})).toEqual([]);
    expect(() => at('$.results?', { results: 'none' })).toThrow(RetryableError);
    expect(() => at('$.results', {})).toThrow('$.results should be a list of records and is missing');
  });

  it('are none where the API says null, at any path into the body', () => {
    expect(at('$.data', { data: null })).toEqual([]);
    expect(at('$.a.b', { a: { b: null } })).toEqual([]);
    expect(finderOf({ items: '$.d', as: 'map' })({ d: null }, answer).records).toEqual([]);
  });

  it.each([
    ['$.data.items', { data: null }],
    ['$.data.repo.items', { data: { repo: null } }],
    ['$.pages[-1].items', { pages: null }],
  ])('are none where something on the way to %s is null', (path, body) => {
    expect(at(path, body)).toEqual([]);
    expect(() => at(path, {})).toThrow('is missing');
    expect(() => at(path, null)).toThrow('is missing');
  });

  it('are none in XML where an element on the way to them has no content', () => {
    const find = recordFinder(endpointWith({ url: 'http://api/', items: '$.r.list.item' }).config, true);
    for (const body of [{ r: '' }, { r: { list: '' } }, { r: { list: { item: '' } } }]) {
      expect(find(body, answer).records).toEqual([]);
    }
    expect(() => find({ html: '' }, answer)).toThrow('is missing');
  });

  it('lie in rows under names that the body itself tells', () => {
    const body = { columns: [{ name: 'id' }, { name: 'n' }], rows: [[1, 2]] };
    expect(finderOf({ items: '$.rows', as: 'rows', header: '$.columns' })(body, answer).records).toEqual([
      { id: 1, n: 2 },
    ]);
  });

  it.each([
    [{}, { data: [], error: { code: 'TIMEOUT' } }, '$.error: {"code":"TIMEOUT"}'],
    [{}, { data: [], errors: ['slow'] }, '$.errors: ["slow"]'],
    [{}, { data: [], ok: false }, '$.ok: false'],
    [{}, { data: null, success: false }, '$.success: false'],
    [{}, { data: [], status: 'ERROR' }, '$.status: ERROR'],
    [{}, { data: [], fault: { faultstring: 'quota' } }, '$.fault: {"faultstring":"quota"}'],
    [{ errorWhen: '$.status.failed' }, { data: [1], status: { failed: 'quota' } }, '$.status.failed: quota'],
    [{ graphql: { query: '{a}' } }, { data: [1], errors: [{ message: 'no' }] }, '$.errors: [{"message":"no"}]'],
  ])('are not believed where the body tells of an error: %j %j', (settings, body, told) => {
    expect(() => finderOf({ items: '$.data', ...settings })(body, answer)).toThrow(
      `answered 200, but its body tells of an error at ${told}`,
    );
  });

  it.each([
    [{}, { data: [], error: null }],
    [{}, { data: [], errors: [] }],
    [{}, { data: [], error: { code: 0, message: '' } }],
    [{}, { data: [], ok: true, success: 'no', status: 'failed' }],
    [{}, { data: [1], error: 'a warning beside records' }],
    [{}, { data: [1], ok: false }],
    [{ errorWhen: false }, { data: [], error: 'x' }],
    [{ errorWhen: '$.bad' }, { data: [], error: 'x' }],
  ])('are believed where it tells of none: %j %j', (settings, body) => {
    expect(finderOf({ items: '$.data', ...settings })(body, answer).records).toEqual(body.data);
  });

  it('are taken beside an error that the settings do not name, and a person is told of it', () => {
    const found = finderOf({ items: '$.data' })({ data: [1], error: { code: 'PARTIAL' } }, answer);
    expect(found.doubts).toEqual([
      expect.stringContaining('its body tells of an error at $.error: {"code":"PARTIAL"}'),
    ]);
    expect(finderOf({ items: '$.data', errorWhen: false })({ data: [1], error: 'x' }, answer).doubts).toBeUndefined();
  });

  it('lie one level deeper, and hold what they lie in', () => {
    const rates = { rates: { '2024-05-01': { EUR: 1.1, CHF: 0.9 }, '2024-05-02': { EUR: 1.2 }, '2024-05-03': {} } };
    expect(finderOf({ items: '$.rates', as: 'map', within: { as: 'map' } })(rates, answer).records).toEqual([
      { $key: 'EUR', $value: 1.1, $outer: { $key: '2024-05-01' } },
      { $key: 'CHF', $value: 0.9, $outer: { $key: '2024-05-01' } },
      { $key: 'EUR', $value: 1.2, $outer: { $key: '2024-05-02' } },
    ]);
    const days = { days: [{ day: 1, rates: [{ id: 'a' }, { id: 'b' }] }, { day: 2, rates: null }, { day: 3 }] };
    expect(finderOf({ items: '$.days', within: { items: '$.rates?' } })(days, answer).records).toEqual([
      { id: 'a', $outer: { day: 1 } },
      { id: 'b', $outer: { day: 1 } },
    ]);
    expect(() => finderOf({ items: '$.days', within: { items: '$.rates' } })(days, answer)).toThrow(
      '$.rates within each of them should be a list of records and is missing',
    );
    expect(finderOf({ within: {} })([[{ id: 1 }], [], [{ id: 2 }, { id: 3 }]], answer).records).toEqual([
      { id: 1 },
      { id: 2 },
      { id: 3 },
    ]);
    const lists = { a: [1, 2], b: [3] };
    expect(finderOf({ as: 'map', within: { as: 'list' } })(lists, answer).records).toEqual([1, 2, 3]);
  });

  it('lie in the days of a history in XML', () => {
    const cube = (day: string, rates: string) => `<Cube time="${day}">${rates}</Cube>`;
    const text = `<e><Cube>${cube('2024-05-02', '<Cube currency="USD" rate="1.0698"/><Cube currency="JPY" rate="166.9"/>')}${cube('2024-05-01', '<Cube currency="USD" rate="1.0663"/>')}${cube('2024-04-30', '')}</Cube></e>`;
    const { config } = endpointWith({ url: 'http://api/', items: '$.e.Cube.Cube', within: { items: '$.Cube?' } });
    expect(recordFinder(config, true)(parseXml(text), answer).records).toEqual([
      { '@currency': 'USD', '@rate': '1.0698', $outer: { '@time': '2024-05-02' } },
      { '@currency': 'JPY', '@rate': '166.9', $outer: { '@time': '2024-05-02' } },
      { '@currency': 'USD', '@rate': '1.0663', $outer: { '@time': '2024-05-01' } },
    ]);
  });
});
