import { plainDecimal } from '@tributary/shared';
import { type Condition, type KeyPattern, type Selection, type Sort, UnknownColumnError } from '../port.js';
import type { QueryColumn } from './columns.js';

/** Values for a statement: what comes from a request becomes one of them, and never a part of the statement's text. */
export class Parameters {
  readonly values: string[] = [];

  /** @returns its place in the statement */
  add(value: string): string {
    return `$${this.values.push(value)}`;
  }
}

/** What a database does in a way of its own. */
export interface Dialect<C extends QueryColumn> {
  /** Whether a text has a part that is equal to this but for the letter case. */
  contains(text: string, part: string, parameters: Parameters): string;
  /** Conditions that hold for rows in which all words occur. */
  search(words: readonly string[], columns: readonly C[], parameters: Parameters): string[];
  /**
   * Compares the values of a column. NULL is no value: only `IS DISTINCT FROM` holds for it.
   * @param value in a form that its type has (see {@link comparable})
   */
  compare(column: C, operator: Operator, value: string, parameters: Parameters): string;
  /** A moment in the form in which the database takes it; undefined for a text that is none. */
  instant(text: string): string | undefined;
}

const OPERATORS = { is: '=', not: 'IS DISTINCT FROM', above: '>', below: '<', from: '>=', to: '<=' } as const;
export type Operator = (typeof OPERATORS)[keyof typeof OPERATORS];

/**
 * What a selection asks of the rows, one condition each.
 * @throws UnknownColumnError
 */
export function conditionsOf<C extends QueryColumn>(
  { search, where }: Pick<Selection, 'search' | 'where'>,
  columns: readonly C[],
  parameters: Parameters,
  dialect: Dialect<C>,
): string[] {
  const words = search.split(/\s+/).filter(Boolean);
  return [
    ...(words.length === 0 ? [] : dialect.search(words, columns, parameters)),
    ...where.map((condition) => conditionOf(condition, columnNamed(condition.column, columns), parameters, dialect)),
  ];
}

function conditionOf<C extends QueryColumn>(
  { is, value }: Condition,
  column: C,
  parameters: Parameters,
  dialect: Dialect<C>,
): string {
  const filled = `coalesce(${column.text}, '') <> ''`;
  if (is === 'filled') return filled;
  if (is === 'empty') return `NOT (${filled})`;
  if (is === 'contains') return `(${filled} AND ${dialect.contains(column.text, value, parameters)})`;
  const wanted = comparable(value, column.column.type, dialect);
  // A text that is not a number equals no number, and is neither above nor below one. Postgres would refuse the statement.
  if (wanted === undefined) return is === 'not' ? 'true' : 'false';
  // A missing value is not Berlin, and neither above nor below anything.
  return dialect.compare(column, OPERATORS[is], wanted, parameters);
}

function comparable(
  text: string,
  type: QueryColumn['column']['type'],
  { instant }: Pick<Dialect<never>, 'instant'>,
): string | undefined {
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 'false' ? text : undefined;
    case 'integer':
    case 'decimal':
      return plainDecimal(text);
    case 'number':
      return text === '' || Number.isNaN(Number(text)) ? undefined : String(Number(text));
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined;
    case 'datetime':
      return instant(text);
    default:
      return text === '' && type !== 'string' ? undefined : text;
  }
}

/** @throws UnknownColumnError */
export function columnNamed<C extends QueryColumn>(name: string, columns: readonly C[]): C {
  const found = columns.find(({ column }) => column.name === name);
  if (found === undefined) throw new UnknownColumnError(name);
  return found;
}

/** Rows without a value come last, and those with equal ones in the order `otherwise`. @throws UnknownColumnError */
export function orderBy(sort: Sort | undefined, columns: readonly QueryColumn[], otherwise: string): string {
  if (sort === undefined) return otherwise;
  const direction = sort.descending ? 'DESC' : 'ASC';
  const by = columnNamed(sort.column, columns).sorted.map((one) => `${one} ${direction} NULLS LAST`);
  return `${by.join(', ')}, ${otherwise}`;
}

export const countSql = (from: string, where: string): string => `SELECT count(*) AS total FROM ${from} WHERE ${where}`;

/** The keys that fit a pattern, given as the first value. */
export const keysSql = (key: string, from: string, where: string, place: KeyPattern['place'], limit: number): string =>
  `SELECT ${key} AS key, count(*) OVER () AS total FROM ${from}
    WHERE ${where} AND split_part(${key}, '/', ${place === 'first' ? 1 : 2}) = $1 ORDER BY ${key} LIMIT ${limit}`;
