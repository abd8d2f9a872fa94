import { type Dataset, decodeCell, type Field, SYSTEM_COLUMNS } from '@tributary/shared';
import type { Column } from '../port.js';
import { isSystemColumn } from './part-file.js';

/** A longer cell is shown by its beginning: a page of 500 rows must not become gigabytes. */
const LONGEST_CELL = 1000;

const anyText: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
const SYSTEM_TYPES: Readonly<Record<string, Field['type']>> = { _deleted: 'boolean', _written_at: 'datetime' };

/** A column and how its cells are read. */
export interface CellReader {
  readonly column: Column;
  /**
   * @param length the text's, if it is only its beginning
   * @returns the value, null for nothing; and the text's length if the value is only its beginning
   */
  read(text: string, length?: number): { value: unknown; length?: number };
  /** The value, whole however long; undefined for nothing. */
  whole(text: string): unknown;
}

/**
 * The columns of a dataset: those of its configuration, those that only its older parts have, and Tributary's own.
 *
 * @param found names of columns in the parts
 */
export function cellReaders(dataset: Dataset, found: Iterable<string>): CellReader[] {
  const fields = new Map<string, Field>(Object.entries(dataset.columns));
  for (const name of found) if (!isSystemColumn(name) && !fields.has(name)) fields.set(name, anyText);
  for (const name of SYSTEM_COLUMNS) fields.set(name, { ...anyText, type: SYSTEM_TYPES[name] ?? 'string' });
  return [...fields].map(([name, field]) => ({
    column: { name, type: field.type, optional: field.optional, system: isSystemColumn(name) },
    read: (text, length) => readCell(text, field, length),
    whole: (text) => decode(text, field),
  }));
}

function readCell(text: string, field: Field, length = text.length): { value: unknown; length?: number } {
  if (length <= LONGEST_CELL) return { value: decode(text, field) ?? null };
  // A cut may go through the middle of an emoji, whose half has no UTF-8 form.
  return { value: text.slice(0, LONGEST_CELL).toWellFormed(), length };
}

/** @param text as it was meant, not as it was neutralised */
function decode(text: string, field: Field): unknown {
  try {
    // A cell that its type cannot read, such as one of a column whose type was changed, is shown as it stands.
    const value = decodeCell(text, field, false) ?? (text === '' ? undefined : text);
    if (field.items !== undefined && Array.isArray(value)) return value.map((item) => inOrder(item, field.items));
    return Number.isNaN(value) ? text : value;
  } catch {
    // A column whose type was changed in the configuration: its older cells are shown as they are.
    return text;
  }
}

/** Canonical JSON sorts the names of an order line's fields; a person expects them as the configuration has them. */
function inOrder(item: unknown, fields: Field['items'] = {}): unknown {
  if (item === null || typeof item !== 'object') return item;
  const declared = Object.keys(fields).filter((name) => Object.hasOwn(item, name));
  return Object.fromEntries([
    ...declared.map((name) => [name, (item as Record<string, unknown>)[name]]),
    ...Object.entries(item).filter(([name]) => !Object.hasOwn(fields, name)),
  ]);
}
