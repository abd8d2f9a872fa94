import { describe, expect, test } from 'vitest';
import { ConfigError, parsePipeline } from '../../src/index.js';

/** With a key and a version, unless they are given. */
const parse = (own: string, more = '') => {
  const usual = ['id: string', 'at: datetime'].filter((one) => !own.startsWith(one.slice(0, 3)));
  const fields = [...usual, own].join(', ');
  return parsePipeline(
    `
entities:
  person: { dataset: people, queue: people, key: id, version: at, fields: { ${fields} }${more} }
endpoints:
  people: { url: "http://127.0.0.1:1/", entity: person }
`,
    {},
    'test.yaml',
  );
};

function faultsOf(...written: Parameters<typeof parse>): string {
  try {
    parse(...written);
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`).join('\n');
    throw error;
  }
}

describe('protect', () => {
  test.each([
    ['born: { type: date, protect: hash }', 'born', { type: 'string', source: { type: 'date', maxLength: 1_000_000 } }],
    ['age: { type: integer?, protect: encrypt }', 'age', { type: 'string', optional: true }],
    ['born: { type: date?, protect: drop }', 'born', { type: 'date', protect: { type: 'drop' } }],
    [
      'born: { type: date, protect: { type: generalise, to: year } }',
      'born',
      { type: 'string', protect: { type: 'generalise', to: 'year' } },
    ],
  ])('%s lands as text, unless nothing lands', (written, name, field) => {
    expect(parse(written).entities.person?.fields[name]).toMatchObject(field);
  });

  test('leaves expressions the types that the source has', () => {
    expect(faultsOf('age: { type: integer, protect: hash }, isOld: { type: boolean, value: "age > 65" }')).toBe('');
  });

  test.each([
    ['mail: { type: string, protect: blur }', '', 'expected drop, mask, hash, encrypt, or a mapping'],
    ['mail: { type: string, protect: generalise }', '', 'expected drop, mask, hash, encrypt, or a mapping'],
    ['mail: { type: string, protect: drop }', '', 'let the type have a "?"'],
    ['age: { type: integer, protect: mask }', '', 'only text can be masked'],
    [
      'age: { type: integer, protect: { type: generalise, to: year } }',
      '',
      'to is for datetime, date, and the field is of type integer',
    ],
    ['age: { type: integer, protect: { type: generalise } }', '', 'expected one of to, bucket, first and hierarchy'],
    [
      'age: { type: integer, protect: { type: generalise, bucket: 5, first: 1 } }',
      '',
      'expected one of to, bucket, first and hierarchy',
    ],
    ['id: { type: string, protect: mask }', '', 'would give many records one key'],
    ['at: { type: datetime, protect: encrypt }', '', 'could not tell which state of a record is the newer one'],
    ['mail: { type: string, protect: hash }', ', unknownFields: keep', 'expected tell or refuse beside protect'],
  ])('%s is a fault', (fields, more, fault) => expect(faultsOf(fields, more)).toContain(fault));
});

describe('a merge by a protected field', () => {
  const merged = (on: string, key: string) => `
entities:
  order: { dataset: orders, queue: orders, key: id, version: at, fields: { id: string, at: datetime, customer: ${on} } }
  person: { dataset: people, queue: people, key: id, version: at, fields: { id: ${key}, at: datetime } }
merges:
  both: { each: { entity: order }, with: { entity: person, on: customer }, columns: { id: order.id, who: person.id } }
endpoints:
  orders: { url: "http://127.0.0.1:1/", entity: order }
  people: { url: "http://127.0.0.1:1/p", entity: person }
`;
  const as = (kind: string) => `{ type: string, protect: ${kind} }`;
  test.each([
    ['string', as('hash')],
    [as('hash'), 'string'],
    [as('encrypt'), as('hash')],
    [as('mask'), as('hash')],
  ])('%s never finds a key that is %s, which is a fault', (on, key) => {
    expect(() => parsePipeline(merged(on, key), {}, 'test.yaml')).toThrow(/no two of them would be equal/);
  });

  test.each(['hash', 'encrypt'])('finds one that is protected alike: %s', (kind) => {
    expect(() => parsePipeline(merged(as(kind), as(kind)), {}, 'test.yaml')).not.toThrow();
  });
});
