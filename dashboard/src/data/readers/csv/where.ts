import { readInstant } from '@tributary/shared';
import { type Condition, type Selection, UnknownColumnError, type View } from '../port.js';
import { booleanOf, type ReadColumn } from './columns.js';
import type { Value } from './database.js';

const OPERATORS = { above: '>', below: '<', from: '>=', to: '<=' } as const;

/** Values for a statement: what comes from a request becomes one of them, and never a part of the statement's text. */
export class Parameters {
  readonly values: Value[] = [];

  /** @returns its place in the statement */
  add(value: Value): string {
    return `$${this.values.push(value)}`;
  }
}

/** Rows that a view shows. */
export const ofView = (view: View): string => (view === 'history' ? 'true' : 'is_head AND NOT is_deleted');

/**
 * What a selection asks of the rows, as SQL.
 * @throws UnknownColumnError
 */
export function whereOf(
  { view, search, where }: Selection,
  columns: readonly ReadColumn[],
  parameters: Parameters,
): string {
  const words = search.split(/\s+/).filter(Boolean);
  return [
    ofView(view),
    ...words.map((word) => `contains(searched, lower(${parameters.add(word)}))`),
    ...where.map((condition) => conditionOf(condition, columnNamed(condition.column, columns), parameters)),
  ].join(' AND ');
}

/** @throws UnknownColumnError */
export function columnNamed(name: string, columns: readonly ReadColumn[]): ReadColumn {
  const found = columns.find(({ column }) => column.name === name);
  if (found === undefined) throw new UnknownColumnError(name);
  return found;
}

function conditionOf({ is, value }: Condition, { column, stored }: ReadColumn, parameters: Parameters): string {
  const { text, compared, comparedAs } = stored;
  const filled = `(${text} IS NOT NULL AND ${text} <> '')`;
  if (is === 'empty') return `NOT ${filled}`;
  if (is === 'filled') return filled;
  if (is === 'contains') return `(${filled} AND contains(lower(${text}), lower(${parameters.add(value)})))`;
  const wanted = comparedAs === undefined ? value : WANTED[comparedAs](value);
  // A text that is not a number equals no number, and is neither above nor below one.
  if (wanted === undefined) return is === 'not' ? 'true' : 'false';
  const theirs = comparedAs === undefined ? parameters.add(wanted) : `${parameters.add(wanted)}::${comparedAs}`;
  const mine = compared ?? (column.type === 'boolean' ? booleanOf(text) : `nullif(${text}, '')`);
  // A missing value is not Berlin, and neither above nor below anything.
  if (is === 'not') return `(${mine} IS DISTINCT FROM ${theirs})`;
  return `(${mine} IS NOT NULL AND ${mine} ${is === 'is' ? '=' : OPERATORS[is]} ${theirs})`;
}

/** What values are compared with; undefined for a text that is no such value. */
const WANTED = {
  DOUBLE: (text: string) => (text === '' || Number.isNaN(Number(text)) ? undefined : String(Number(text))),
  TIMESTAMP: (text: string) => readInstant(text)?.replace(/Z$/, ''),
} as const;
