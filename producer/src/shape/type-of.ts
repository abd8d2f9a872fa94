import { canonicalInteger, ExactNumber, readInstant } from '@tributary/shared';

/** The type of field that seems right for a raw value; undefined for null, which tells nothing. */
export function typeOf(value: unknown): string | undefined {
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
