import { hash } from 'node:crypto';
import type { Field } from '../config/fields.js';
import { canonicalJson } from './json.js';
import { isMapping, ownValue } from './own-value.js';

type Values = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Field>>;

/**
 * The content hash of a row: SHA-256, in hex, over the RFC 8785 canonical JSON of `{entity, key, payload}`. The times of
 * fetching and writing are not part of it. For a merged row the entity is the name of its dataset; for a tombstone (a row
 * that closes its key) the payload is null. A record's tombstone has a hash of its own: see {@link tombstoneHash}.
 */
export function contentHash(entity: string, key: string, payload: Values | null): string {
  return hash('sha256', canonicalJson({ entity, key, payload }) ?? '');
}

/**
 * The content hash of the tombstone of a record. The version is part of it, as it is of every other content of the record. Otherwise
 * the second deletion of a record that came back in between would be a duplicate of the first, and only the ledger would know how late
 * it was: were the ledger lost then, the state in between would stay.
 *
 * @param version normalised; '' for a record without one
 */
export function tombstoneHash(entity: string, key: string, version: string): string {
  if (version === '') return contentHash(entity, key, null);
  return hash('sha256', canonicalJson({ entity, key, payload: null, version }) ?? '');
}

/**
 * {@link contentHash} for rows whose fields are known, compiled once: about a third of the time. Text, numbers and
 * booleans have in RFC 8785 the form that JSON.stringify gives them, so it is enough to sort the
 * names. Fields that hold JSON of any shape, names that objects order by a rule of their own, and values that are not what
 * their field declares (they landed when it declared something else) are hashed by {@link contentHash}.
 */
export function compileContentHash(entity: string, fields: Fields): (key: string, payload: Values | null) => string {
  if (!isPlain(fields)) return (key, payload) => contentHash(entity, key, payload);
  const inOrder = sorter(fields);
  return (key, payload) => {
    const sorted = payload && inOrder(payload);
    if (sorted === undefined) return contentHash(entity, key, payload);
    return hash('sha256', JSON.stringify({ entity, key, payload: sorted }));
  };
}

const isPlain = (fields: Fields): boolean =>
  Object.entries(fields).every(
    ([name, { type, items = {} }]) =>
      // Objects put names that look like an index first, and treat `__proto__ =` differently.
      type !== 'json' && !/^\d+$/.test(name) && !(name in Object.prototype) && isPlain(items),
  );

/** The same values with their names sorted; undefined if they are not what the fields declare. */
function sorter(fields: Fields): (values: unknown) => Values | undefined {
  // By UTF-16 code units, as RFC 8785 has it (section 3.2.3).
  const columns = Object.keys(fields)
    .sort()
    .map((name) => ({ name, items: fields[name]?.items && sorter(fields[name].items) }));
  return (values) => {
    if (!isMapping(values)) return undefined;
    const sorted: Record<string, unknown> = {};
    let found = 0;
    for (const { name, items } of columns) {
      const value = ownValue(values, name);
      if (value === undefined) continue;
      found += 1;
      if (items === undefined) {
        if (typeof value === 'object') return undefined;
        sorted[name] = value;
      } else {
        const list = Array.isArray(value) ? value.map(items) : [undefined];
        if (list.includes(undefined)) return undefined;
        sorted[name] = list;
      }
    }
    return found === Object.keys(values).length ? sorted : undefined;
  };
}
