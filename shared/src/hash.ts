import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Field } from './config/fields.js';
import { ownValue } from './own-value.js';

type Values = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Field>>;

/**
 * The content hash of a row: SHA-256, in hex, over the RFC 8785 canonical JSON of `{entity, key, payload}`. When it was
 * fetched or written is not part of it. The hash of a merged row names its dataset as the entity; that of a
 * tombstone (a row that closes its key) has the payload null.
 */
export function contentHash(entity: string, key: string, payload: Values | null): string {
  return hash('sha256', canonicalize({ entity, key, payload }) ?? '');
}

/**
 * {@link contentHash} for rows whose fields are known, compiled once: about a third of the time. Text, numbers and
 * booleans have in RFC 8785 the form that JSON.stringify gives them, so all that is left to do is to put the names in
 * order. Fields that hold JSON of any shape, and names for which objects have an order of their own, take the long way.
 */
export function compileContentHash(entity: string, fields: Fields): (key: string, payload: Values | null) => string {
  if (!isPlain(fields)) return (key, payload) => contentHash(entity, key, payload);
  const inOrder = sorter(fields);
  return (key, payload) => hash('sha256', JSON.stringify({ entity, key, payload: payload && inOrder(payload) }));
}

const isPlain = (fields: Fields): boolean =>
  Object.entries(fields).every(
    ([name, { type, items = {} }]) =>
      // Objects put names that look like an index first, and do something else on `__proto__ =`.
      type !== 'json' && !/^\d+$/.test(name) && !(name in Object.prototype) && isPlain(items),
  );

function sorter(fields: Fields): (values: Values) => Values {
  // By UTF-16 code units, as RFC 8785 has it (section 3.2.3).
  const columns = Object.keys(fields)
    .sort()
    .map((name) => ({ name, items: fields[name]?.items && sorter(fields[name].items) }));
  return (values) => {
    const sorted: Record<string, unknown> = {};
    for (const { name, items } of columns) {
      const value = ownValue(values, name);
      if (value !== undefined) sorted[name] = items === undefined ? value : (value as Values[]).map(items);
    }
    return sorted;
  };
}
