import { plainDecimal } from '@tributary/shared';
import { type Condition, type Selection, UnknownColumnError } from '../port.js';
import { asText, type ReadColumn } from './columns.js';

/** What a column's values are compared as, by type of field. */
const CASTS: Readonly<Partial<Record<ReadColumn['type'], string>>> = {
  integer: 'numeric',
  number: 'double precision',
  decimal: 'numeric',
  datetime: 'timestamptz',
  date: 'date',
  boolean: 'boolean',
};

const OPERATORS = { above: '>', below: '<', from: '>=', to: '<=' } as const;

/** Values for a statement: what comes from a request becomes one of them, and never a part of the statement's text. */
export class Parameters {
  readonly values: unknown[] = [];

  /** @returns its place in the statement */
  add(value: unknown): string {
    return `$${this.values.push(value)}`;
  }
}

/**
 * What a selection asks of the rows, as SQL; `true` if nothing.
 * @throws UnknownColumnError
 */
export function whereOf(
  { search, where }: Pick<Selection, 'search' | 'where'>,
  columns: readonly ReadColumn[],
  parameters: Parameters,
  { collation, keyColumn }: { readonly collation: string; readonly keyColumn: string },
): string {
  // If the key is a text, its column equals `_key`, which has an index.
  const keyText = columns.find(({ name, type }) => name === keyColumn && type === 'string')?.name;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const searched = columns.filter(({ system, name }) => !system || name === '_key');
  const small = (text: string) => `lower((${text}) COLLATE ${collation})`;
  const conditions = [
    ...[...wordsByText(words, searched)].map(([text, patterns]) => {
      const all = patterns.map((pattern) => parameters.add(pattern)).join(', ');
      return `${small(text)} LIKE ALL (ARRAY[${all}]::text[])`;
    }),
    ...where.map((condition) => conditionOf(condition, columns, parameters, small)),
    ...where
      .filter(({ column, is }) => is === 'is' && column === keyText)
      .map(({ value }) => `_key = ${parameters.add(value)}`),
  ];
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

/** What values of some types look like. To turn numbers and times into text for every row takes as long as to search the rest. */
const LOOKS: Readonly<Partial<Record<ReadColumn['type'], RegExp>>> = {
  integer: /^[-\d]+$/,
  number: /^[-+.\de]+$/,
  decimal: /^[-.\d]+$/,
  datetime: /^[-+:.\d]+$/,
  date: /^[-\d]+$/,
  boolean: /^[aeflrstu]+$/,
};

/** The text that each word is looked for in, and the patterns for it. */
function wordsByText(words: readonly string[], columns: readonly ReadColumn[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const word of words) {
    // As Postgres writes it: to give times the form in which they are shown would take longer than all the rest.
    const texts = columns.filter(({ type }) => mayHold(type, word)).map(({ sql }) => `${sql}::text`);
    const text = `concat_ws(E'\\n', ${texts.join(', ')})`;
    found.set(text, [...(found.get(text) ?? []), `%${escapeLike(word)}%`]);
  }
  return found;
}

const mayHold = (type: ReadColumn['type'], word: string): boolean => LOOKS[type]?.test(word) ?? true;

export const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');

function conditionOf(
  condition: Condition,
  columns: readonly ReadColumn[],
  parameters: Parameters,
  small: (text: string) => string,
): string {
  const { is, value } = condition;
  const column = columnNamed(condition.column, columns);
  const { sql, type } = column;
  if (is === 'empty') return `(${sql} IS NULL OR ${asText(column)} = '')`;
  if (is === 'filled') return `(${sql} IS NOT NULL AND ${asText(column)} <> '')`;
  if (is === 'contains') {
    return `${small(asText(column))} LIKE ${parameters.add(`%${escapeLike(value.toLowerCase())}%`)}`;
  }
  // A text that is not a number equals no number, and is neither above nor below one. Postgres would refuse the statement.
  if (!isOfType(value, type)) return is === 'not' ? 'true' : 'false';
  const cast = CASTS[type];
  const mine = cast === undefined ? `${asText(column)} COLLATE "C"` : `${sql}::${cast}`;
  const theirs = cast === undefined ? parameters.add(value) : `${parameters.add(value)}::${cast}`;
  if (is === 'is') return `${mine} = ${theirs}`;
  if (is === 'not') return `${mine} IS DISTINCT FROM ${theirs}`;
  return `${mine} ${OPERATORS[is]} ${theirs}`;
}

function isOfType(value: string, type: ReadColumn['type']): boolean {
  if (type === 'boolean') return value === 'true' || value === 'false';
  // The numeric of older versions of Postgres knows no Infinity and no 0x10.
  if (CASTS[type] === 'numeric') return plainDecimal(value) !== undefined;
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));
  if (value === '') return type === 'string';
  if (type === 'number') return !Number.isNaN(Number(value));
  return type !== 'datetime' || !Number.isNaN(Date.parse(value));
}

/** @throws UnknownColumnError */
export function columnNamed(name: string, columns: readonly ReadColumn[]): ReadColumn {
  const found = columns.find((column) => column.name === name);
  if (found === undefined) throw new UnknownColumnError(name);
  return found;
}
