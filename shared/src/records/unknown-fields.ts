import { canonicalInteger } from './integer.js';
import { ExactNumber } from './json.js';
import { pathToName } from './path.js';
import { readInstant } from './times/instant.js';

/**
 * What an entity does with fields that it does not declare: `tell` says once which they are, `keep` puts them into one column
 * of JSON, `refuse` makes dead letters of their records.
 */
export const UNKNOWN_FIELDS_KINDS = ['tell', 'keep', 'refuse'] as const;

/** The column, and the place in a canonical record, that holds fields that are not declared, by their names. */
export const UNKNOWN_FIELDS = 'unknown_fields';

/** The type that a field of this value seems to have; undefined for null, which tells nothing. */
export function likelyType(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (typeof value) {
    case 'string':
      return /^\d{4}-\d\d-\d\d$/.test(value) ? 'date' : readInstant(value) === undefined ? 'string' : 'datetime';
    case 'number':
      return Number.isInteger(value) ? 'integer' : 'number';
    case 'boolean':
      return 'boolean';
    default:
      if (!(value instanceof ExactNumber)) return 'json';
      return canonicalInteger(value.toString()) === undefined ? 'decimal' : 'integer';
  }
}

/** The line of the pipeline file that declares a field. */
export function lineToDeclare(name: string, type: string): string {
  if (/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) return `${name}: ${type}?`;
  const column = name.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^[_0-9]+|_+$/g, '') || 'field';
  return `${column}: ${JSON.stringify(`${type}? ${pathToName(name).text}`)}`;
}
