import { ExactNumber, PoisonError, parseJson, stringifyJson } from '@tributary/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeFindings } from '../../src/shape/findings.js';
import { compileShape } from '../../src/shape/shape.js';
import { endpointWith } from '../support/pipeline.js';

/** The shape of an endpoint whose entity has these fields. */
function shapeWith(fields: object, entity: object = {}, endpoint: object = {}) {
  const thing = { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'string', ...fields }, ...entity };
  const settings = { url: 'http://127.0.0.1:1/', entity: 'thing', ...endpoint };
  const { entity: compiled, config } = endpointWith(settings, { entities: { thing } });
  const findings = new ShapeFindings();
  const shape = compileShape(compiled.config, config, findings);
  return { of: (raw: unknown) => shape.of(raw).record, findings, entity: compiled };
}

/** What one field makes of a value, as a text of JSON. */
function converted(type: unknown, json: string): string | undefined {
  const { of } = shapeWith({ f: type });
  return stringifyJson((of(parseJson(`{"f":${json}}`)) as { f: unknown }).f);
}

describe('a field', () => {
  it.each([
    ['string', '"a"', '"a"'],
    ['string', '12', '"12"'],
    ['string', '-1.5', '"-1.5"'],
    ['string', '1374004777531007833', '"1374004777531007833"'],
    ['integer', '"42"', '42'],
    ['integer', '" 42 "', '42'],
    ['integer', '"-9223372036854775808"', '"-9223372036854775808"'],
    ['integer', '1374004777531007833', '"1374004777531007833"'],
    ['integer', '1374004777531007700', '"1374004777531007700"'],
    ['integer', '12.0', '12'],
    ['integer', '"12.00"', '12'],
    ['integer', '1e3', '1000'],
    ['number', '"19.90"', '19.9'],
    ['number', '0.10000000000000001', '0.1'],
    ['number', '"1e3"', '1000'],
    ['decimal', '"19.90"', '"19.90"'],
    ['decimal', '19.9', '"19.9"'],
    ['decimal', '"1.5e-7"', '"0.00000015"'],
    ['decimal', '12345678901234567890.10', '"12345678901234567890.10"'],
    ['boolean', '"TRUE"', 'true'],
    ['boolean', '"false"', 'false'],
    ['datetime', '"2024-05-01T10:00:00.000+0000"', '"2024-05-01T10:00:00.000Z"'],
    ['datetime', '"Wed, 01 May 2024 10:00:00 GMT"', '"2024-05-01T10:00:00.000Z"'],
    ['datetime', '"/Date(1714557600000)/"', '"2024-05-01T10:00:00.000Z"'],
    ['datetime', '"2024-05-01T10:00:00.123456789Z"', '"2024-05-01T10:00:00.123456789Z"'],
    [{ type: 'datetime', unit: 's' }, '1714557600', '"2024-05-01T10:00:00.000Z"'],
    [{ type: 'datetime', unit: 's' }, '"1714557600.123456"', '"2024-05-01T10:00:00.123456Z"'],
    [{ type: 'datetime', unit: 'ms' }, '1714557600000', '"2024-05-01T10:00:00.000Z"'],
    [{ type: 'datetime', unit: 'ns' }, '1714557600000000001', '"2024-05-01T10:00:00.000000001Z"'],
    [{ type: 'datetime', format: 'dd/MM/yyyy HH:mm' }, '"01/05/2024 10:00"', '"2024-05-01T10:00:00.000Z"'],
    [{ type: 'datetime', format: 'yyyyMMdd' }, '20240501', '"2024-05-01T00:00:00.000Z"'],
    [{ type: 'datetime', zone: 'Europe/Berlin' }, '"2024-05-01T12:00:00"', '"2024-05-01T10:00:00.000Z"'],
    [{ type: 'datetime', zone: 'Europe/Berlin' }, '"2024-05-01T12:00:00Z"', '"2024-05-01T12:00:00.000Z"'],
    [
      { type: 'datetime', zone: 'Europe/Berlin', format: 'dd.MM.yyyy HH:mm' },
      '"01.05.2024 12:00"',
      '"2024-05-01T10:00:00.000Z"',
    ],
    [{ type: 'date', zone: 'Europe/Berlin' }, '"2024-04-30T22:00:00Z"', '"2024-05-01"'],
    [{ type: 'date', zone: 'Europe/Berlin' }, '"2024-05-01T00:00:00Z"', '"2024-05-01"'],
    [{ type: 'date', zone: 'Europe/Berlin' }, '"2024-05-01"', '"2024-05-01"'],
    [{ type: 'date', zone: 'Europe/Berlin', unit: 's' }, '1714514400', '"2024-05-01"'],
    ['date', '"2024-05-01"', '"2024-05-01"'],
    ['date', '"20240501"', '"2024-05-01"'],
    ['date', '"2024-05-01T00:00:00Z"', '"2024-05-01"'],
    ['date', '"2024-05-01T00:00:00+02:00"', '"2024-05-01"'],
    ['date', '"/Date(1714521600000)/"', '"2024-05-01"'],
    [{ type: 'date', unit: 's' }, '1714557600', '"2024-05-01"'],
    [{ type: 'date', format: 'd.M.yyyy' }, '"1.5.2024"', '"2024-05-01"'],
    ['json', '{"b":[1374004777531007833,null],"a":1e400}', '{"b":[1374004777531007833,null],"a":1e400}'],
  ])('of type %j makes %s into %s', (type, json, canonical) => {
    expect(converted(type, json)).toBe(canonical);
  });

  it.each([
    ['string', 'true'],
    ['string', '{"a":1}'],
    ['string', '"a\\u0000b\\ud83d"'],
    ['integer', '1.5'],
    ['integer', '"12 pieces"'],
    ['integer', '""'],
    ['integer', 'true'],
    ['integer', '9223372036854775808'],
    ['integer', '1e400'],
    ['number', '12345678901234567890'],
    ['number', '"12345678901234567890"'],
    ['number', '"1,5"'],
    ['number', 'null'],
    ['decimal', '"1,5"'],
    ['decimal', '"NaN"'],
    ['decimal', '1e2000'],
    ['boolean', '"yes"'],
    ['boolean', '1'],
    ['datetime', '1714557600'],
    ['datetime', '"yesterday"'],
    ['datetime', '"2024-05-01"'],
    ['datetime', '"2024-02-30T00:00:00Z"'],
    [{ type: 'datetime', unit: 's' }, '"yesterday"'],
    [{ type: 'datetime', unit: 's' }, '1e+300'],
    [{ type: 'datetime', format: 'dd/MM/yyyy' }, '"31/02/2024"'],
    ['date', '"2024-05-01T10:00:00Z"'],
    ['date', '20240501'],
    [{ type: 'list', items: { sku: 'string' } }, '"none"'],
    [{ type: 'list', items: { sku: 'string' } }, '["none",null]'],
  ])('of type %j leaves %s as it came: the consumer dead-letters it, with the exact value to mend', (type, json) => {
    expect(converted(type, json)).toBe(json);
  });

  it('of any type alters no value: what is taken by the consumer is the value that came', () => {
    const types = fc.constantFrom('integer', 'number', 'decimal', 'string');
    const numbers = fc.oneof(
      fc.stringMatching(/^-?(0|[1-9]\d{0,25})(\.\d{1,20})?([eE][+-]?\d{1,2})?$/),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    );
    fc.assert(
      fc.property(types, numbers, fc.boolean(), (type, number, asText) => {
        const { of, entity } = shapeWith({ f: type });
        const json = asText ? `"${number}"` : number;
        const record = of(parseJson(`{"id":"T","f":${json}}`));
        try {
          const f = entity.decode(parseJson(stringifyJson(record) ?? '')).payload?.f;
          // Zero has no sign here, as JSON.stringify has it.
          const value = Number(number) === 0 ? 0 : Number(number);
          expect(type === 'string' && asText ? f : Number(f)).toBe(type === 'string' && asText ? number : value);
        } catch (error) {
          if (!(error instanceof PoisonError)) throw error;
          // What is refused is shown exactly.
          expect(error.message).toContain(stringifyJson((record as { f: unknown }).f)?.slice(0, 50));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a record', () => {
  it('has its values from where their paths say', () => {
    const { of } = shapeWith({
      login: 'string $.user.login',
      'first-name': "string? $['First Name']",
      last: 'string? $.list[-1].id',
      customer: { type: 'string', optional: true, from: '$.customer.id' },
    });
    const raw = {
      id: 1,
      user: { login: 'ada' },
      'First Name': 'Ada',
      list: [{ id: 'a' }, { id: 'b' }],
      customer: null,
    };
    expect(of(raw)).toEqual({ id: '1', login: 'ada', 'first-name': 'Ada', last: 'b' });
  });

  it('may be a list of values, a value alone, or none', () => {
    const { of } = shapeWith({ id: 'string $[0]', name: 'string? $[1]' });
    expect(of(['a', 'Ada'])).toEqual({ id: 'a', name: 'Ada' });
    expect(of('text')).toEqual({});
    for (const raw of [null, 7, 'text', ['a']]) expect(shapeWith({}).of(raw)).toBe(raw);
  });

  it('has the fields of its lists from the items', () => {
    const { of } = shapeWith({
      lines: { type: 'list', from: '$.order.rows', items: { sku: 'string $.product.sku', price: 'decimal? $.p' } },
      tags: { type: 'list', optional: true, items: { tag: 'string $' } },
    });
    const rows = [
      { product: { sku: 7 }, p: 1.5, other: 1 },
      { product: { sku: 'b' }, p: '' },
    ];
    expect(of({ id: 'T', order: { rows }, tags: ['x', 1] })).toEqual({
      id: 'T',
      lines: [{ sku: '7', price: '1.5' }, { sku: 'b' }],
      tags: [{ tag: 'x' }, { tag: '1' }],
    });
  });

  it('keeps null and empty text where a value is needed, for the consumer to say so', () => {
    const { of } = shapeWith({ name: 'string', count: 'integer?' });
    expect(of({ id: null, name: '', count: null })).toEqual({ id: null, name: '' });
  });

  it('may have fields that are called as what every object inherits, and is not taken in by such names', () => {
    const { of } = shapeWith({ constructor: 'string?', valueOf: 'integer?', toString: 'string? $.constructor.name' });
    expect(stringifyJson(of({ id: 'T' }))).toBe('{"id":"T"}');
    expect(stringifyJson(of(parseJson('{"id":"T","constructor":"=x","valueOf":"7","__proto__":{"toString":1}}')))).toBe(
      '{"id":"T","constructor":"=x","valueOf":7}',
    );
  });

  it('has its values elsewhere where the endpoint says so', () => {
    const fields = { total: 'decimal $.total', at: { type: 'datetime', from: '$.created', unit: 's' } };
    const { of } = shapeWith(fields, {}, { map: { total: '$.amount', at: { from: '$.date', format: 'yyyy-MM-dd' } } });
    expect(of({ id: 'T', amount: 5, total: 1, date: '2024-05-01' })).toEqual({
      id: 'T',
      total: '5',
      at: '2024-05-01T00:00:00.000Z',
    });
    const moved = shapeWith(fields, {}, { map: { at: '$.changed' } });
    expect(moved.of({ id: 'T', total: 1, changed: 1714557600 })).toMatchObject({ at: '2024-05-01T10:00:00.000Z' });
  });
});

describe('fields that are not declared', () => {
  const raw = { id: 'T', user: { login: 'ada' }, colour: 'red', size: null };
  const fields = { login: 'string $.user.login' };

  it('are left out and told of; what a path begins with is declared', () => {
    const { of, findings } = shapeWith(fields);
    expect(of(raw)).toEqual({ id: 'T', login: 'ada' });
    expect(findings.take()).toBe('; unknown fields, which are left out: colour, size');
    expect(findings.take()).toBe('');
  });

  it.each(['keep', 'refuse'])('are gathered for the consumer: %s', (unknownFields) => {
    const { of } = shapeWith(fields, { unknownFields });
    expect(of(raw)).toEqual({ id: 'T', login: 'ada', unknown_fields: { colour: 'red', size: null } });
    const strange = '{"id":"T","user":{"login":"a"},"__proto__":{"a":12345678901234567890},"constructor":1}';
    expect(stringifyJson(of(parseJson(strange)))).toContain(
      '"unknown_fields":{"__proto__":{"a":12345678901234567890},"constructor":1}',
    );
  });

  it('are columns of JSON where they are kept, and dead letters where they are refused', () => {
    const kept = shapeWith(fields, { unknownFields: 'keep' });
    expect(kept.entity.decode(kept.of(raw)).payload?.unknown_fields).toEqual({ colour: 'red', size: null });
    const refused = shapeWith(fields, { unknownFields: 'refuse' });
    expect(() => refused.entity.decode(refused.of(raw))).toThrow(
      'does not declare, colour, size, and unknownFields is',
    );
    expect(refused.entity.decode(refused.of({ id: 'T', user: { login: 'ada' } })).payload).toEqual({
      id: 'T',
      login: 'ada',
    });
  });
});

describe('hostile records', () => {
  const { of, entity } = shapeWith({ name: 'string?', amount: 'number?', extra: 'json?', at: 'datetime?' });
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

  it('go their way as they came', () => {
    const records = [
      { id: 'T', name: 'a\0b\ud83d', extra: nested(1_000) },
      { id: 'T', amount: new ExactNumber('1e400'), extra: { a: -0 } },
      { id: 'T'.repeat(100_000), name: '=cmd()' },
      { id: ['T'], name: {} },
    ];
    for (const record of records) expect(of(record)).toEqual(record);
  });

  it('of any shape are shaped without an error, and become a record or a dead letter', () => {
    const names = fc.constantFrom('id', 'name', 'amount', 'extra', 'at', '__proto__', 'constructor', 'x');
    const anything = fc.oneof(
      fc.dictionary(names, fc.anything({ withNullPrototype: true })),
      fc.jsonValue({ maxDepth: 6 }),
    );
    fc.assert(
      fc.property(anything, (raw) => {
        const record = of(raw);
        try {
          entity.decode(record);
        } catch (error) {
          if (!(error instanceof PoisonError)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
