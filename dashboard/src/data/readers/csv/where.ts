import { readInstant } from '@tributary/shared';
import type { Selection, View } from '../port.js';
import { conditionsOf, type Dialect, Parameters } from '../query/where.js';
import { exactly, type ReadColumn } from './columns.js';

/** Rows that a view shows. */
export const ofView = (view: View): string => (view === 'history' ? 'true' : 'is_head AND NOT is_deleted');

/** What a selection asks of the rows, as SQL. @throws UnknownColumnError */
export function whereOf(selection: Selection, columns: readonly ReadColumn[]) {
  const parameters = new Parameters();
  const where = [ofView(selection.view), ...conditionsOf(selection, columns, parameters, DIALECT)].join(' AND ');
  return { where, values: parameters.values };
}

const DIALECT: Dialect<ReadColumn> = {
  contains: (text, part, parameters) => `contains(lower(${text}), lower(${parameters.add(part)}))`,
  search: (words, _columns, parameters) => words.map((word) => `contains(searched, lower(${parameters.add(word)}))`),
  compare: ({ stored: { comparedAs }, text, sorted: [mine = '', tie] }, operator, value, parameters) => {
    const theirs = comparedAs === undefined ? parameters.add(value) : `${parameters.add(value)}::${comparedAs}`;
    if (tie === undefined) return `${mine} ${operator} ${theirs}`;
    const exact = exactly(text);
    const behind = exactly(`${parameters.add(value)}::VARCHAR`);
    if (operator === 'IS DISTINCT FROM') return `(${mine} ${operator} ${theirs} OR ${exact} ${operator} ${behind})`;
    // Numbers of more digits than are compared exactly count as equal.
    const isSame = `${mine} = ${theirs} AND coalesce(${exact} ${operator} ${behind}, ${operator.endsWith('=')})`;
    return operator === '=' ? `(${isSame})` : `(${mine} ${operator.charAt(0)} ${theirs} OR (${isSame}))`;
  },
  instant: (text) => readInstant(text)?.replace(/Z$/, ''),
};
