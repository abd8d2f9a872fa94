import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field } from '../../src/config/fields.js';
import { compileContentHash, contentHash } from '../../src/records/hash.js';

const field = (type: Field['type'], items?: Field['items']): Field => ({
  type,
  optional: true,
  maxLength: 1_000_000,
  ...(items === undefined ? {} : { items }),
});

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: fc.string({ unit: 'grapheme' }),
  integer: fc.integer(),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }),
  boolean: fc.boolean(),
  json: fc.jsonValue().filter((value) => value !== null),
};
// Names that sort differently by UTF-16 than by code point, that look like an index, and that every object has.
const NAMES = ['b', 'a', 'B', '_', 'é', 'ﬀ', '😀', '10', '9', 'constructor', '__proto__', 'a b', ''];

/** Some scalar fields, and a record that holds values for some of them, in an order of its own. */
const scalars = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 })
  .chain((names) =>
    fc
      .tuple(...names.map(() => fc.constantFrom(...Object.keys(VALUES))))
      .map((types) => new Map(names.map((name, at) => [name, types[at] as Field['type']]))),
  );
const recordOf = (types: ReadonlyMap<string, Field['type']>) =>
  fc
    .tuple(
      fc.shuffledSubarray([...types.keys()]),
      fc.tuple(...[...types.values()].map((type) => VALUES[type] ?? fc.constant(undefined))),
    )
    .map(([names, values]) => Object.fromEntries(names.map((name) => [name, values[[...types.keys()].indexOf(name)]])));
const fieldsOf = (types: ReadonlyMap<string, Field['type']>) =>
  Object.fromEntries([...types].map(([name, type]) => [name, field(type)]));

describe('a compiled content hash', () => {
  test('is the content hash, whatever the fields and values, and whatever their order', () => {
    const rows = fc.tuple(scalars, scalars).chain(([own, ofLine]) =>
      fc.record({
        key: fc.string(),
        fields: fc.constant({ ...fieldsOf(own), lines: field('list', fieldsOf(ofLine)) }),
        values: fc
          .tuple(recordOf(own), fc.array(recordOf(ofLine), { maxLength: 3 }))
          .map(([values, lines]) => ({ lines, ...values })),
      }),
    );
    fc.assert(
      fc.property(rows, ({ key, fields, values }) => {
        expect(compileContentHash('thing', fields)(key, values)).toBe(contentHash('thing', key, values));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is that of a tombstone where there are no values', () => {
    expect(compileContentHash('thing', { a: field('string') })('K', null)).toBe(contentHash('thing', 'K', null));
  });

  test('is the content hash also of values that are not what the fields declare', () => {
    const fields = { a: field('string'), lines: field('list', { b: field('number'), a: field('string') }) };
    const compiled = compileContentHash('thing', fields);
    for (const odd of [{ d: 1, c: 2 }, [{ d: 1, c: 2 }], [{ a: { d: 1, c: 2 } }], null, [null], 'text', [[]]]) {
      for (const values of [{ a: odd }, { lines: odd }, { z: odd, a: 'x' }, { lines: [{ b: 1, z: odd }] }]) {
        expect(compiled('K', values)).toBe(contentHash('thing', 'K', values));
      }
    }
  });

  test('is SHA-256 over the text that RFC 8785 gives', () => {
    const text = '{"entity":"thing","key":"K","payload":{"a":"\\u000f\\n€","b":1e+21,"c":true}}';
    const fields = { b: field('number'), a: field('string'), c: field('boolean') };
    const values = { c: true, b: 1e21, a: '\u000f\n€' };
    expect(compileContentHash('thing', fields)('K', values)).toBe(createHash('sha256').update(text).digest('hex'));
  });
});
