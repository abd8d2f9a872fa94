import { hash } from 'node:crypto';
import type { Field } from '../config/fields.js';
import { canonicalJson } from './json.js';
import { isMapping } from './own-value.js';

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
 * {@link contentHash} for rows whose fields are known, compiled once: about a fifth of the time. `JSON.stringify` writes the text of
 * RFC 8785 where the names stand in its order already, as in what {@link FieldsReader.read} gives. Rows that hold anything else (JSON
 * of any shape, another order, values that landed when their field declared something else) are hashed by {@link contentHash}.
 */
export function compileContentHash(entity: string, fields: Fields): (key: string, payload: Values | null) => string {
  const isCanonical = compileIsCanonical(fields);
  return (key, payload) =>
    isCanonical(payload) ? hash('sha256', JSON.stringify({ entity, key, payload })) : contentHash(entity, key, payload);
}

/**
 * {@link contentHash} of a payload whose canonical JSON is known.
 * @param entity as JSON
 */
export const hashOfJson = (entity: string, key: string, payload: string): string =>
  hash('sha256', `{"entity":${entity},"key":${JSON.stringify(key)},"payload":${payload}}`);

/** Sorts names as RFC 8785 does: by UTF-16 code units (section 3.2.3). */
export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1;

/** Compiles the question whether `JSON.stringify` writes values with these fields as RFC 8785 does. */
function compileIsCanonical(fields: Fields): (values: unknown) => boolean {
  const columns = Object.entries(fields)
    .map(([name, field]) => ({ name, isCanonical: compileIsCanonicalValue(field) }))
    .sort(byName);
  return (values) => {
    if (!isMapping(values)) return false;
    let at = 0;
    for (const name in values) {
      let column = columns[at++];
      while (column !== undefined && column.name !== name) column = columns[at++];
      if (column === undefined || !column.isCanonical(values[name])) return false;
    }
    return true;
  };
}

/** The same for one value of a field. */
const compileIsCanonicalValue = ({ items }: Field): ((value: unknown) => boolean) =>
  items === undefined ? isScalar : isListOf(compileIsCanonical(items));

/** {@link canonicalJson} of values of one field, compiled once. */
export function compileCanonicalJson(field: Field): (value: unknown) => string {
  const isCanonical = compileIsCanonicalValue(field);
  return (value) => (isCanonical(value) ? JSON.stringify(value) : canonicalJson(value)) ?? '';
}

const isListOf =
  (isCanonical: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(isCanonical);

/** Text, numbers and booleans have in RFC 8785 the form that JSON.stringify gives them. */
const isScalar = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
