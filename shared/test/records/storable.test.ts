import { describe, expect, test } from 'vitest';
import { compileEntity, PoisonError, parsePipeline, readEnvelope } from '../../src/index.js';

// What no sink could keep must be refused here, where it costs one record and not the batch that it came in.
const config = parsePipeline(
  `
entities:
  thing:
    dataset: things
    queue: thing_data
    key: id
    version: at
    fields:
      { id: string, at: datetime, day: date?, count: integer?, size: number?, extra: json?, note: string?, needed: json,
        lines: { type: list, optional: true, items: { sku: string, extra: json? } } }
endpoints: {}
`,
  {},
  'test.yaml',
);
const thing = compileEntity('thing', config.entities.thing ?? expect.fail('no entity'));
const decode = (fields: Record<string, unknown>) =>
  thing.decode({ id: 'T-1', at: '2025-06-01T00:00:00Z', needed: 1, ...fields });

function refusal(fields: Record<string, unknown>): PoisonError {
  try {
    decode(fields);
  } catch (error) {
    if (error instanceof PoisonError) return error;
    throw error;
  }
  return expect.fail('it was accepted');
}

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

describe('a record is refused, naming the field, if it holds', () => {
  test.each([
    ['a time in the year 0, which Postgres does not have', 'at', '0000-06-01T00:00:00Z'],
    ['a time that is in the year 0 in UTC', 'at', '0001-01-01T00:00:00+10:00'],
    ['a time that is in the year 10000 in UTC', 'at', '9999-12-31T23:59:59-10:00'],
    ['a date in the year 0', 'day', '0000-06-01'],
    ['a date before it', 'day', '-0001-06-01'],
    ['a date that is a word to Postgres', 'day', 'infinity'],
    ['a time that is a word to Postgres', 'at', 'infinity'],
    ['a whole number of more than 64 bits', 'count', 2 ** 63],
    ['a number too large for a double', 'size', JSON.parse('1e400')],
    ['the same inside free JSON', 'extra', JSON.parse('{"a":[1e400]}')],
    ['the same inside a list', 'lines', [{ sku: 'S', extra: JSON.parse('-1e400') }]],
    ['JSON nested 101 levels deep', 'extra', nested(101)],
    ['JSON nested so deep that it cannot be walked', 'extra', nested(100_000)],
    ['null where a value is needed', 'needed', null],
    ['a NUL character', 'note', 'a\0b'],
    ['a NUL character inside free JSON', 'extra', { 'a\0': 1 }],
    ['half a character', 'note', 'a\ud83d'],
    ['half a character inside free JSON', 'extra', ['\udc00']],
  ])('%s', (_what, field, value) => {
    expect(refusal({ [field]: value })).toMatchObject({ code: 'field_invalid', field: expect.stringMatching(field) });
  });

  test('a key too long for an index entry of Postgres, also when it is escaped in a merged key', () => {
    for (const id of ['x'.repeat(513), '漢'.repeat(334), '/'.repeat(334), 'a\nb', 'a\0b']) {
      expect(refusal({ id })).toMatchObject({ code: 'key_invalid', field: 'id' });
    }
    expect(decode({ id: 'x'.repeat(512) }).key).toHaveLength(512);
    expect(decode({ id: '漢/%'.repeat(111) }).key).toHaveLength(333);
  });

  test('something nested too deep in the place of the record itself', () => {
    expect(() => thing.decode(nested(100_000))).toThrow('the record is nested too deep');
  });
});

test('the first and the last moment that can be kept are kept, to the microsecond', () => {
  expect(decode({ at: '0001-01-01T00:00:00Z' }).version).toBe('0001-01-01T00:00:00.000Z');
  const last = decode({ at: '9999-12-31T23:59:59.999999999Z' });
  expect(last.payload?.at).toBe('9999-12-31T23:59:59.999999Z');
  // Which of two records is the newer is decided by every digit.
  expect(last.version).toBe('9999-12-31T23:59:59.999999999Z');
  expect(decode({ day: '0001-01-01', extra: nested(99) }).payload).toMatchObject({ day: '0001-01-01' });
});

test('a message id from elsewhere is made one word of printable ASCII, for it becomes part of an order', () => {
  const messageId = (id: unknown) =>
    readEnvelope({ properties: { messageId: id } } as Parameters<typeof readEnvelope>[0], 'thing').messageId;
  expect(messageId('a b\tc\0d\u00e9\ufffd')).toBe('a_b_c_d__');
  expect(messageId('0197f0a2-7b4e-7c11-8000-000000000001')).toBe('0197f0a2-7b4e-7c11-8000-000000000001');
  expect(messageId(undefined)).toMatch(/^[0-9a-f-]{36}$/);
});
