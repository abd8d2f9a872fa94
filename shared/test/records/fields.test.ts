import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileEntity,
  type EntityConfig,
  joinKey,
  PoisonError,
  parseJson,
  parsePipeline,
  splitKey,
} from '../../src/index.js';

const entityOf = (yaml: string) => {
  const config = parsePipeline(`entities:\n  thing: ${yaml}\nendpoints: {}\n`, {}, 'test.yaml').entities.thing;
  return config ?? expect.fail('no entity');
};
const compiled = (yaml: string) => compileEntity('thing', entityOf(yaml));
const thing = compiled(
  '{ dataset: things, queue: q, key: id, version: rev, fields: { id: string, rev: integer, count: integer?, amount: decimal?, size: number?, at: datetime?, note: string? $.meta.note } }',
);
const decode = (json: string) => thing.decode(parseJson(`{"id":"T","rev":1,${json}}`));
const refusal = (json: string): string => {
  try {
    decode(json);
  } catch (error) {
    if (error instanceof PoisonError) return error.message;
    throw error;
  }
  return expect.fail('it was accepted');
};

describe('a canonical record', () => {
  test.each([
    ['"count":42', { count: 42 }],
    ['"count":1374004777531007833', { count: '1374004777531007833' }],
    ['"count":9007199254740992', { count: '9007199254740992' }],
    ['"count":1374004777531007700', { count: '1374004777531007700' }],
    ['"count":1e18', { count: '1000000000000000000' }],
    ['"count":"1374004777531007833"', { count: '1374004777531007833' }],
    ['"count":"-9223372036854775808"', { count: '-9223372036854775808' }],
    ['"amount":"19.90"', { amount: '19.90' }],
    ['"amount":19.9', { amount: '19.9' }],
    ['"amount":12345678901234567890.123', { amount: '12345678901234567890.123' }],
    ['"amount":1e-7', { amount: '0.0000001' }],
    ['"size":100000000000000000000', { size: 1e20 }],
    ['"size":0.10000000000000001', { size: 0.1 }],
    ['"at":"2024-05-01T10:00:00.000+0000"', { at: '2024-05-01T10:00:00.000Z' }],
    ['"at":"2024-05-01T10:00:00.123456789Z"', { at: '2024-05-01T10:00:00.123456Z' }],
    ['"count":null,"amount":"","at":null', {}],
  ])('may hold %s', (json, payload) => {
    expect(decode(json).payload).toEqual({ id: 'T', rev: 1, ...payload });
  });

  test.each([
    ['"count":9223372036854775808', 'field "count" is 9223372036854775808: expected a whole number of 64 bits at most'],
    ['"count":"12"', 'field "count" is "12": expected a whole number'],
    ['"count":1.5', 'a field of type number or decimal takes fractions'],
    ['"count":1e400', 'field "count" is 1e400: expected a whole number'],
    ['"amount":"1,5"', 'field "amount" is "1,5": expected a decimal number such as 19.90'],
    ['"amount":"1e3"', 'without an exponent'],
    ['"amount":"007"', 'field "amount" is "007"'],
    ['"amount":1e2000', 'at most 1000 digits'],
    ['"size":12345678901234567890', 'field "size" is 12345678901234567890: expected a number that a double holds'],
    ['"size":"1"', 'field "size" is "1": expected a number'],
    [
      '"size":"1,5"',
      `field "size" is "1,5": expected a number; where a comma is the decimal point, a computed field reads it: value: 'double(raw.NAME.split(",").join("."))'`,
    ],
    ['"at":1714557600', 'here perhaps unit: s'],
    ['"at":1714557600000', 'here perhaps unit: ms'],
    ['"at":"1714557600"', 'unit: s'],
    ['"at":"2024-05-01"', 'a field of type date takes a day'],
    ['"at":"2024-02-30T00:00:00Z"', 'of a day that there is'],
    ['"at":"01/05/2024"', 'format'],
    ['"note":5', 'field "note" is 5: expected text'],
  ])('may not hold %s', (json, words) => {
    expect(refusal(json)).toContain(words);
  });

  test('of which a field is missing says where it should have been', () => {
    const strict = compiled(
      '{ dataset: d, queue: q, key: id, fields: { id: string $.meta.id, name: string $.meta.name } }',
    );
    expect(() => strict.decode({ id: 'T' })).toThrow(
      'field "name" is missing (nothing lies at $.meta.name): expected text',
    );
    expect(() => strict.decode({})).toThrow('its key field "id" is missing (nothing lies at $.meta.id)');
  });

  test('has a version of 64 bits, which sorts by its value', () => {
    const versionOf = (rev: string) => thing.versionOf(parseJson(`{"rev":${rev}}`));
    expect(versionOf('1374004777531007833')).toBe('1374004777531007833');
    expect(versionOf('"1374004777531007833"')).toBe('1374004777531007833');
    expect(versionOf('-1')).toBeUndefined();
    expect(versionOf('9223372036854775808')).toBeUndefined();
  });
});

describe('a key of several parts', () => {
  const daily = compiled(
    '{ dataset: d, queue: q, key: [shop, day, at], fields: { shop: string, day: date, at: datetime } }',
  );

  test('joins them so that a person can read it', () => {
    expect(daily.decode({ shop: 'eu', day: '2024-05-01', at: '2024-05-01T12:00:00+02:00' }).key).toBe(
      'eu/2024-05-01/2024-05-01T10:00:00.000Z',
    );
    expect(daily.keyOf({ shop: 'a/b%', day: 'x', at: 'y' })).toBe('a%2Fb%25/x/y');
  });

  test('is missing where a part is, and names that part', () => {
    expect(() => daily.decode({ shop: 'eu', at: '2024-05-01T12:00:00Z' })).toThrow('its key field "day" is missing');
    expect(daily.keyOf({ shop: 'eu', day: '', at: 'x' })).toBeUndefined();
  });

  test('can be taken apart again, whatever its parts hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 2 }), (parts) => {
        expect(splitKey(joinKey(parts))).toEqual(parts);
      }),
    );
  });
});

describe('fields that are not declared', () => {
  const raw = { id: 'T', unknown_fields: { colour: 'red', size: 3 } };

  test('are told of, and left out', () => {
    const told = compiled('{ dataset: d, queue: q, key: id, fields: { id: string } }').decode({
      id: 'T',
      colour: 'red',
    });
    expect(told).toMatchObject({ payload: { id: 'T' }, unknownFields: ['colour'] });
  });

  test('are kept in a column of their own', () => {
    const kept = compiled('{ dataset: d, queue: q, key: id, fields: { id: string }, unknownFields: keep }').decode(raw);
    expect(kept).toMatchObject({ payload: raw, unknownFields: [] });
  });

  test('make a dead letter of their record', () => {
    const strict = compiled('{ dataset: d, queue: q, key: id, fields: { id: string }, unknownFields: refuse }');
    expect(() => strict.decode(raw)).toThrow(
      'fields that the entity does not declare, colour, size, and unknownFields is refuse',
    );
    expect(() => strict.decode({ id: 'T', other: 1 })).toThrow('does not declare, other,');
    expect(strict.decode({ id: 'T' }).payload).toEqual({ id: 'T' });
  });
});

describe('the form of a field', () => {
  const fieldOf = (text: string): EntityConfig['fields'][string] | undefined =>
    entityOf(`{ dataset: d, queue: q, key: id, fields: { id: string, f: ${text} } }`).fields.f;

  test.each([
    ['decimal', { type: 'decimal', optional: false }],
    ['string? $.customer.id', { type: 'string', optional: true, from: '$.customer.id' }],
    ['"string $[\'First Name\']"', { type: 'string', optional: false, from: "$['First Name']" }],
    ['{ type: datetime, from: $.created, unit: s }', { type: 'datetime', from: '$.created', unit: 's' }],
    ['{ type: "date?", format: dd/MM/yyyy }', { type: 'date', optional: true, format: 'dd/MM/yyyy' }],
    ['{ type: boolean, value: "true" }', { type: 'boolean', value: 'true' }],
    [
      '{ type: list, from: $.rows, items: { sku: string $.s, n: { type: decimal, from: $.q } } }',
      {
        type: 'list',
        from: '$.rows',
        items: { sku: { type: 'string', from: '$.s' }, n: { type: 'decimal', from: '$.q' } },
      },
    ],
  ])('%s', (text, field) => {
    expect(fieldOf(text)).toMatchObject(field);
  });

  test.each([
    ['money', 'expected one of string, integer, number, decimal'],
    ['string $.a b', 'at " b"'],
    ['string?? $.a', 'expected one of string'],
    ['{ type: string, unit: s }', 'a field of type string has no unit'],
    ['{ type: datetime, unit: h }', 'expected s, ms, us or ns'],
    ['{ type: string, from: a }', 'a path begins with $'],
    ['{ type: string, from: $.a? }', '"?" at the end has no meaning here'],
  ])('%s is refused: %s', (text, words) => {
    expect(() => fieldOf(text)).toThrow(words);
  });
});
