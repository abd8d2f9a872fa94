import { createHash } from 'node:crypto';

/** What a row holds: only what is something. Absent, null and (where a field is optional) '' are all nothing. */
export type Values = Readonly<Record<string, unknown>>;

/** RFC 8785: no white space, members by the UTF-16 code units of their names, numbers and text as ECMAScript has them. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}

/**
 * The hash that a row should have, from its definition in docs/delivery-promise.md: SHA-256, in hex, over the canonical JSON of
 * entity, key and payload.
 * @param entity for a merged row its dataset
 * @param payload null for a tombstone
 */
export function hashOf(entity: string, key: string, payload: Values | null): string {
  return createHash('sha256').update(canonicalJson({ entity, key, payload })).digest('hex');
}

/** A record without what is nothing. */
export function withoutNothing(record: Values): Values {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => (value ?? '') !== ''));
}

/** The text that a value should have in a CSV cell, before anything is done about formulas. */
export function cellOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'object' ? canonicalJson(value) : String(value);
}
