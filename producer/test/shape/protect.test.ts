import { type PoisonError, parseJson, stringifyJson } from '@tributary/shared';
import { describe, expect, it } from 'vitest';
import type { ShapeEvents } from '../../src/shape/endpoint-findings.js';
import { reveal } from '../../src/shape/protect/encrypted.js';
import { NO_KEYS, type ProtectionKeys, readProtectionKeys } from '../../src/shape/protect/keys.js';
import { compileShape } from '../../src/shape/shape.js';
import { recordIn } from '../../src/sources/files/formats/ndjson.js';
import { Unreadable } from '../../src/sources/port.js';
import { endpointWith } from '../support/pipeline.js';

const KEYS = readProtectionKeys({
  PRIVACY_HASH_KEY: 'h'.repeat(40),
  PRIVACY_ENCRYPTION_KEYS: `2026:${'e'.repeat(40)}, 2025:${'d'.repeat(40)}`,
});

/** What an event tells, as text. */
function told(): ShapeEvents & { readonly words: string[] } {
  const words: string[] = [];
  const note = (...said: unknown[]) => void words.push(JSON.stringify(said));
  return {
    words,
    unknownField: (name, _, record) => note(name, record),
    cut: note,
    notInHierarchy: note,
    failed: note,
    tell() {},
  };
}

function shapeWith(fields: object, more: object = {}, endpoint: object = {}, keys: ProtectionKeys = KEYS) {
  const thing = { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'string', ...fields }, ...more };
  const settings = { url: 'http://127.0.0.1:1/', entity: 'thing', ...endpoint };
  const { entity, config } = endpointWith(settings, { entities: { thing } });
  const events = told();
  const shape = compileShape(entity.config, config, events, keys);
  return { entity, events, of: (raw: unknown) => shape.of(raw).record as Record<string, unknown>, shape };
}

/** What lands of one value. */
function landed(field: object, json: string): unknown {
  const { of, entity } = shapeWith({ f: field });
  return entity.decode(of(parseJson(`{"id":"1","f":${json}}`))).payload?.f;
}

describe('a protected field', () => {
  it.each([
    ['"ada@example.org"', 'a***@e***.org'],
    ['"ada.king@mail.example.co.uk"', 'a***@m***.uk'],
    ['"a@b.org"', '***@***.org'],
    ['"jo@x1.org"', '***@***.org'],
    ['"ada@qq.com"', 'a***@***.com'],
    ['"+49 170 1234567"', '***4567'],
    ['"4111 1111 1111 1111"', '***1111'],
    ['"DE89 3704 0044 0532 0130 00"', '***3000'],
    ['"Lovelace"', 'L***'],
    ['"李小龙"', '李***'],
    ['"Al"', '***'],
    ['"1984"', '1***'],
    ['"05.03.1984"', '***'],
    ['"1984-03-05"', '***'],
    ['"03/05/1984"', '***'],
    ['"5 3 1984"', '***'],
    ['"19840305"', '***'],
    ['"05031984"', '***'],
    ['"1984-03-05T10:20:30.000Z"', '***'],
    ['"BORN 05.03.1984"', '***'],
    ['"+33 6 12 34 56 78"', '***5678'],
    ['"12345678901"', '***8901'],
  ])('masks %s as %s', (json, masked) => expect(landed({ type: 'string', protect: 'mask' }, json)).toBe(masked));

  it.each([
    [{ type: 'date', protect: { type: 'generalise', to: 'year' } }, '"1984-06-11"', '1984'],
    [{ type: 'date', protect: { type: 'generalise', to: 'decade' } }, '"1984-06-11"', '1980s'],
    [{ type: 'datetime', unit: 's', protect: { type: 'generalise', to: 'month' } }, '1714557600', '2024-05'],
    [{ type: 'integer', protect: { type: 'generalise', bucket: 10 } }, '34', '30-40'],
    [{ type: 'integer', protect: { type: 'generalise', bucket: 10 } }, '-1', '-10-0'],
    [{ type: 'decimal', protect: { type: 'generalise', bucket: 0.1 } }, '"0.37"', '0.3-0.4'],
    [
      { type: 'decimal', protect: { type: 'generalise', bucket: 10 } },
      '"12345678901234567891.5"',
      '12345678901234567890-12345678901234567900',
    ],
    [
      { type: 'integer', protect: { type: 'generalise', bucket: 1000 } },
      '9007199254740993',
      '9007199254740000-9007199254741000',
    ],
    [{ type: 'decimal', protect: { type: 'generalise', bucket: 0.5 } }, '"-0.25"', '-0.5-0'],
    [
      { type: 'decimal', protect: { type: 'generalise', bucket: 1e21 } },
      '"3e21"',
      '3000000000000000000000-4000000000000000000000',
    ],
    [{ type: 'number', protect: { type: 'generalise', bucket: 0.1 } }, '0.3', '0.3-0.4'],
    [
      { type: 'decimal', protect: { type: 'generalise', bucket: 100 } },
      `"${'9'.repeat(998)}.5"`,
      `${'9'.repeat(996)}00-1${'0'.repeat(998)}`,
    ],
    [{ type: 'string', protect: { type: 'generalise', first: 2 } }, '"80331"', '80***'],
    [{ type: 'string', protect: { type: 'generalise', first: 5 } }, '"803"', '80***'],
  ])('generalises %j: %s is %s', (field, json, coarse) => expect(landed(field, json)).toBe(coarse));

  it('has one pseudonym for one value, whatever wrote it, and another for another', () => {
    const hashed = (field: object, json: string) => landed({ protect: 'hash', ...field }, json);
    expect(hashed({ type: 'string' }, '"12"')).toMatch(/^[0-9a-f]{32}$/);
    expect(hashed({ type: 'integer' }, '12')).toBe(hashed({ type: 'string' }, '"12"'));
    expect(hashed({ type: 'integer' }, '" 12.0 "')).toBe(hashed({ type: 'integer' }, '12'));
    expect(hashed({ type: 'datetime' }, '"2024-05-01T12:00:00+02:00"')).toBe(
      hashed({ type: 'datetime' }, '"2024-05-01T10:00:00Z"'),
    );
    expect(hashed({ type: 'string' }, '"13"')).not.toBe(hashed({ type: 'string' }, '"12"'));
  });

  it('is encrypted always in the same way, and read with the key that its value names', () => {
    const field = { type: 'integer', protect: 'encrypt', maxLength: 5 };
    const value = String(landed(field, '42'));
    expect(value).toMatch(/^enc:2026:/);
    expect(landed(field, '42')).toBe(value);
    expect(reveal(`a,${value},b`, KEYS)).toEqual({ text: 'a,42,b', count: 1, missing: [] });
    const older = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS: `2025:${'d'.repeat(40)}` });
    expect(reveal(value, older)).toEqual({ text: value, count: 0, missing: ['2026'] });
    const wrong = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS: `2026:${'x'.repeat(40)}` });
    expect(reveal(value, wrong)).toEqual({ text: value, count: 0, missing: ['2026'] });
    const altered = value.slice(0, -2) + (value.endsWith('AA') ? 'BB' : 'AA');
    expect(reveal(altered, KEYS).count).toBe(0);
  });

  it('is dropped, also where its value is of no use, and may still be computed with', () => {
    const { of, entity } = shapeWith({
      born: { type: 'date?', protect: 'drop' },
      isOld: { type: 'boolean', value: 'born < "1950-01-01"' },
    });
    const record = of({ id: '1', born: '1944-02-03' });
    expect(record).toEqual({ id: '1', isOld: true });
    expect(entity.decode(record).payload).toEqual({ id: '1', isOld: true });
    expect(of({ id: '2', born: { secret: 1 } })).not.toHaveProperty('born');
  });

  it('holds within the objects of a list', () => {
    const lines = { type: 'list', items: { sku: 'string', to: { type: 'string', protect: 'mask' } } };
    const { of } = shapeWith({ lines });
    expect(of({ id: '1', lines: [{ sku: 'a', to: 'ada@example.org' }] }).lines).toEqual([
      { sku: 'a', to: 'a***@e***.org' },
    ]);
  });

  it('may be the key: tombstones and records that are sent have the same one', () => {
    const { of, entity, shape } = shapeWith(
      { id: { type: 'string', protect: 'hash' }, gone: 'boolean?' },
      {},
      { deletes: { when: 'gone == true' } },
    );
    const key = entity.keyOf(of({ id: 'ada' }));
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    const { record, isDeleted } = shape.of({ id: 'ada', gone: true });
    expect([isDeleted, entity.keyOf(record)]).toEqual([true, key]);
  });
});

describe('what cannot be protected', () => {
  const SECRET = 'Canary-4711';

  it.each([
    ['a value that its type does not take', { f: { type: 'date', protect: 'hash' } }, { id: '1', f: SECRET }],
    ['a mapping where text belongs', { f: { type: 'string', protect: 'mask' } }, { id: '1', f: { name: SECRET } }],
    ['a text that is too long', { f: { type: 'string', maxLength: 3, protect: 'hash' } }, { id: '1', f: SECRET }],
    [
      'a list that is none',
      { f: { type: 'list', items: { a: { type: 'string', protect: 'mask' } } } },
      { id: '1', f: SECRET },
    ],
    [
      'an item that is no object',
      { f: { type: 'list', items: { a: { type: 'string', protect: 'mask' } } } },
      { id: '1', f: [SECRET] },
    ],
    ['a record that is no object', { f: { type: 'string?', protect: 'mask' } }, SECRET],
    ['a list in the place of a record', { f: { type: 'string?', protect: 'mask' } }, [SECRET]],
    ['a line that cannot be read', { f: { type: 'string?', protect: 'mask' } }, new Unreadable('is torn', SECRET)],
    ['a line that is no JSON', { f: { type: 'string?', protect: 'mask' } }, recordIn(`{"f":${SECRET}}`)],
    ['a line that quotes within', { f: { type: 'string?', protect: 'mask' } }, recordIn(`{"f":x, "g":"${SECRET}"}`)],
    ['a line that is text alone', { f: { type: 'string?', protect: 'mask' } }, recordIn(SECRET)],
  ])('%s becomes a dead letter that does not show it', (_, fields, raw) => {
    const { of, entity, events } = shapeWith(fields);
    const record = of(raw);
    expect(stringifyJson(record)).not.toContain(SECRET);
    let error: PoisonError | undefined;
    try {
      entity.decode(record);
    } catch (thrown) {
      error = thrown as PoisonError;
    }
    expect(error?.message).toMatch(/not_shown|missing|cannot be read/);
    expect(error?.message).not.toContain(SECRET);
    expect(events.words.join()).not.toContain(SECRET);
  });

  it('is not told by what is found beside it: unknown fields, keys and expressions that fail', () => {
    const fields = { id: { type: 'string', protect: 'hash' }, f: { type: 'integer?', value: 'int(raw.name)' } };
    const { of, events } = shapeWith(fields, { unknownFields: 'refuse' });
    const record = of({ id: SECRET, name: SECRET, other: SECRET });
    expect(stringifyJson(record)).not.toContain(SECRET);
    expect(record.unknown_fields).toBeDefined();
    expect(events.words.length).toBeGreaterThan(1);
    expect(events.words.join()).not.toContain(SECRET);
  });

  it('is not published without its key', () => {
    expect(() => shapeWith({ f: { type: 'string', protect: 'hash' } }, {}, {}, NO_KEYS)).toThrow(/PRIVACY_HASH_KEY/);
    expect(() => shapeWith({ f: { type: 'string', protect: 'encrypt' } }, {}, {}, NO_KEYS)).toThrow(
      /PRIVACY_ENCRYPTION_KEYS/,
    );
  });
});

describe('keys', () => {
  it.each([
    [{ PRIVACY_HASH_KEY: 'canary-short' }, /has 12 characters, expected 32/],
    [{ PRIVACY_ENCRYPTION_KEYS: 'canary-canary-canary-canary-canary-canary' }, /has no name/],
    [{ PRIVACY_ENCRYPTION_KEYS: 'a:canary-short' }, /the key "a" has 12 characters/],
    [{ PRIVACY_ENCRYPTION_KEYS: `a:${'k'.repeat(32)},a:${'l'.repeat(32)}` }, /two keys are called "a"/],
  ])('that cannot be used are refused without being shown: %j', (env, why) => {
    const read = () => readProtectionKeys(env);
    expect(read).toThrow(why);
    expect(read).not.toThrow(/canary/);
  });

  it('make another fingerprint of an endpoint, so that everything is read anew', () => {
    const fingerprint = (protect: object, keys: object) => {
      const thing = {
        dataset: 'things',
        queue: 'things',
        key: 'id',
        fields: { id: 'string', f: { type: 'string', ...protect } },
      };
      const options = { entities: { thing } };
      return endpointWith({ url: 'http://127.0.0.1:1/', entity: 'thing' }, options, readProtectionKeys(keys))
        .fingerprint;
    };
    const one = { PRIVACY_HASH_KEY: 'a'.repeat(32) };
    const other = { PRIVACY_HASH_KEY: 'b'.repeat(32) };
    expect(fingerprint({ protect: 'hash' }, one)).toBe(fingerprint({ protect: 'hash' }, one));
    expect(fingerprint({ protect: 'hash' }, one)).not.toBe(fingerprint({ protect: 'hash' }, other));
    expect(fingerprint({ protect: 'hash' }, one)).not.toBe(fingerprint({ protect: 'mask' }, one));
    expect(fingerprint({}, one)).toBe(fingerprint({}, other));
  });
});
