import { describe, expect, test } from 'vitest';
import { compileEntity, contentHash, PoisonError, parsePipeline, tombstoneHash } from '../../src/index.js';

const compiled = (yaml: string) => {
  const { thing } = parsePipeline(`entities:\n  thing: ${yaml}\nendpoints: {}\n`, {}, 'test.yaml').entities;
  return compileEntity('thing', thing ?? expect.fail('no entity'));
};
const FIELDS = '{ id: string, name: string, at: datetime }';
const versioned = compiled(`{ dataset: things, queue: q, key: id, version: at, fields: ${FIELDS} }`);
const plain = compiled(`{ dataset: things, queue: q, key: [id, name], fields: ${FIELDS} }`);
const AT = '2025-01-01T10:00:00+02:00';

const refusalOf = (raw: unknown, of = versioned): PoisonError => {
  try {
    of.decode(raw);
  } catch (error) {
    if (error instanceof PoisonError) return error;
    throw error;
  }
  return expect.fail('it was accepted');
};

describe('a deleted record', () => {
  test('is its key, its version and no content', () => {
    expect(versioned.decode({ id: 'T', at: AT, _deleted: true })).toEqual({
      entity: 'thing',
      key: 'T',
      version: '2025-01-01T08:00:00.000Z',
      payload: null,
      deleted: true,
      hash: tombstoneHash('thing', 'T', '2025-01-01T08:00:00.000Z'),
      unknownFields: [],
    });
  });

  test('is the same whatever other fields it has, valid or not, declared or not', () => {
    const bare = versioned.decode({ id: 'T', at: AT, _deleted: true });
    expect(versioned.decode({ id: 'T', at: AT, name: 5, extra: {}, _deleted: true })).toEqual(bare);
    const strict = compiled(
      `{ dataset: things, queue: q, key: id, version: at, fields: ${FIELDS}, unknownFields: refuse }`,
    );
    expect(strict.decode({ id: 'T', at: AT, extra: 1, _deleted: true })).toEqual(bare);
  });

  test('has a hash of its key and its version: deleted again under another version, it is another content', () => {
    const hashOf = (at: string) => versioned.decode({ id: 'T', at, _deleted: true }).hash;
    expect(hashOf('2025-01-01T08:00:00Z')).toBe(hashOf(AT));
    expect(hashOf('2025-01-01T08:00:01Z')).not.toBe(hashOf(AT));
    expect(plain.decode({ id: 'T', name: 'a', _deleted: true }).hash).toBe(contentHash('thing', 'T/a', null));
  });

  test('has a hash that no content has', () => {
    const hashes = [
      plain.decode({ id: 'T', name: 'a', _deleted: true }),
      plain.decode({ id: 'T', name: 'b', _deleted: true }),
      plain.decode({ id: 'T', name: 'a', at: AT }),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(3);
    expect(plain.decode({ id: 'T', name: 'a', _deleted: true })).toMatchObject({ key: 'T/a', version: '' });
  });

  test('needs a key, and a version where its entity has one', () => {
    expect(refusalOf({ at: AT, _deleted: true })).toMatchObject({ code: 'key_missing', field: 'id' });
    const refusal = refusalOf({ id: 'T', _deleted: true });
    expect(refusal).toMatchObject({ code: 'version_invalid', field: 'at' });
    expect(refusal.message).toBe(
      'thing T: its version field "at" is missing, which has no place in time: a deleted record needs one that is not older than that of the record it deletes',
    );
    expect(refusalOf({ id: 'T', at: 'yesterday', _deleted: true })).toMatchObject({ code: 'version_invalid' });
  });
});

describe('a record that says whether it is deleted', () => {
  test('with false is like any other', () => {
    const raw = { id: 'T', name: 'a', at: AT };
    expect(versioned.decode({ ...raw, _deleted: false })).toEqual(versioned.decode(raw));
    expect(versioned.decode(raw)).toMatchObject({ deleted: false, unknownFields: [] });
  });

  test.each([
    [null, 'null'],
    ['true', '"true"'],
    [1, '1'],
    ['', '""'],
    [{}, '{}'],
  ])('with %j is refused, because to guess would bring a record back or remove one', (value, shown) => {
    const refusal = refusalOf({ id: 'T', name: 'a', at: AT, _deleted: value });
    expect(refusal).toMatchObject({ code: 'deleted_invalid', field: '_deleted' });
    expect(refusal.message).toBe(
      `thing T: "_deleted" is ${shown}: expected true (the record is deleted) or false (as if it were absent)`,
    );
  });

  test('cannot have a field of that name: it is refused with the file', () => {
    expect(() => compiled('{ dataset: things, queue: q, key: id, fields: { id: string, _deleted: boolean } }')).toThrow(
      'field names may not begin with an underscore',
    );
  });
});
