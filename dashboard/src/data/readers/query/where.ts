import { WANTED } from '../../values.js';
import { type Condition, type Selection, type Sort, UnknownColumnError } from '../port.js';
import type { Dialect, Parameters, QueryColumn } from './dialect.js';

const OPERATORS = { is: '=', not: 'IS DISTINCT FROM', above: '>', below: '<', from: '>=', to: '<=' } as const;
type Operator = (typeof OPERATORS)[keyof typeof OPERATORS];

/**
 * What a selection asks of the rows, one condition each.
 * @throws UnknownColumnError
 */
export function conditionsOf(
  { search, where }: Pick<Selection, 'search' | 'where'>,
  columns: readonly QueryColumn[],
  parameters: Parameters,
  dialect: Dialect,
): string[] {
  const words = search.split(/\s+/).filter(Boolean);
  return [
    ...(words.length === 0 ? [] : dialect.search(words, columns, parameters)),
    ...where.map((condition) => conditionOf(condition, columnNamed(condition.column, columns), parameters, dialect)),
  ];
}

function conditionOf({ is, value }: Condition, column: QueryColumn, parameters: Parameters, dialect: Dialect): string {
  const { filled, text } = column;
  if (is === 'filled') return filled;
  if (is === 'empty') return `NOT (${filled})`;
  if (is === 'contains') return `(${filled} AND ${dialect.contains(text, value, parameters)})`;
  const wanted = WANTED[column.column.type].read(value);
  // A text that is not a number equals no number, and is neither above nor below one. Postgres would refuse the statement.
  if (wanted === undefined) return is === 'not' ? 'true' : 'false';
  const compared = compare(column, OPERATORS[is], wanted, parameters);
  return is === 'is' && column.isKey === true ? `(${compared} AND _key = ${parameters.add(wanted)})` : compared;
}

/** A missing value is not Berlin, and neither above nor below anything: NULL is no value, and only `IS DISTINCT FROM` holds for it. */
function compare({ sorted, cast, tie, text }: QueryColumn, operator: Operator, value: string, parameters: Parameters) {
  const theirs = `${parameters.add(value)}${cast === undefined ? '' : `::${cast}`}`;
  if (tie === undefined) return `${sorted} ${operator} ${theirs}`;
  const [exact, behind] = [tie.exactly(text), tie.exactly(`${parameters.add(value)}::VARCHAR`)];
  if (operator === 'IS DISTINCT FROM') return `(${sorted} ${operator} ${theirs} OR ${exact} ${operator} ${behind})`;
  // Numbers of more digits than are compared exactly count as equal.
  const isSame = `${sorted} = ${theirs} AND coalesce(${exact} ${operator} ${behind}, ${operator.endsWith('=')})`;
  return operator === '=' ? `(${isSame})` : `(${sorted} ${operator.charAt(0)} ${theirs} OR (${isSame}))`;
}

/** @throws UnknownColumnError */
export function columnNamed(name: string, columns: readonly QueryColumn[]): QueryColumn {
  const found = columns.find(({ column }) => column.name === name);
  if (found === undefined) throw new UnknownColumnError(name);
  return found;
}

/** Rows without a value come last, and those with equal ones in the order `otherwise`. @throws UnknownColumnError */
export function orderBy(sort: Sort | undefined, columns: readonly QueryColumn[], otherwise: string): string {
  if (sort === undefined) return otherwise;
  const { sorted, tie } = columnNamed(sort.column, columns);
  const by = [sorted, ...(tie === undefined ? [] : [tie.sorted])];
  return [...by.map((one) => `${one} ${sort.descending ? 'DESC' : 'ASC'} NULLS LAST`), otherwise].join(', ');
}
