import { type FieldType, stringifyJson } from '@tributary/shared';
import type { Condition } from './port.js';

/** What a column's value is compared as. */
type Comparable = string | number | boolean | undefined;

/**
 * Whether a value meets a condition; undefined is a missing value. Numbers are compared as numbers, times as moments, all
 * others as text by its characters. Lists and JSON are compared as the text that they are written as.
 */
export function meets(value: unknown, type: FieldType, { is, value: wanted }: Condition): boolean {
  const nothing = value === undefined || value === null || value === '';
  if (is === 'empty') return nothing;
  if (is === 'filled') return !nothing;
  // A missing value is not Berlin, and neither above nor below anything.
  if (nothing) return is === 'not';
  if (is === 'contains') return textOf(value).toLowerCase().includes(wanted.toLowerCase());
  const mine = comparable(value, type);
  const theirs = comparable(wanted, type);
  if (is === 'is') return mine === theirs;
  if (is === 'not') return mine !== theirs;
  if (mine === undefined || theirs === undefined) return false;
  if (is === 'above') return mine > theirs;
  if (is === 'below') return mine < theirs;
  return is === 'from' ? mine >= theirs : mine <= theirs;
}

/** What two values of a type are compared by; undefined for a value that is not of the type. */
export function comparable(value: unknown, type: FieldType): Comparable {
  if (value === undefined || value === null || value === '') return undefined;
  switch (type) {
    case 'integer':
    case 'number':
    case 'decimal':
      return Number.isNaN(Number(value)) ? undefined : Number(value);
    case 'datetime': {
      const time = Date.parse(String(value));
      return Number.isNaN(time) ? undefined : time;
    }
    case 'boolean':
      return String(value);
    default:
      return textOf(value);
  }
}

const textOf = (value: unknown): string => (typeof value === 'object' ? (stringifyJson(value) ?? '') : String(value));
