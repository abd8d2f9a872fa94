import type { FieldType } from '@tributary/shared';
import type { Selection } from '../port.js';
import { conditionsOf, type Dialect, type Parameters } from '../query/where.js';
import type { ReadColumn } from './columns.js';

/** What a column's values are compared as, by type of field. */
const CASTS: Readonly<Partial<Record<FieldType, string>>> = {
  integer: 'numeric',
  number: 'double precision',
  decimal: 'numeric',
  datetime: 'timestamptz',
  date: 'date',
  boolean: 'boolean',
};

/**
 * What a selection asks of the rows, as SQL; `true` if nothing.
 * @throws UnknownColumnError
 */
export function whereOf(
  selection: Pick<Selection, 'search' | 'where'>,
  columns: readonly ReadColumn[],
  parameters: Parameters,
  { collation, keyColumn }: { readonly collation: string; readonly keyColumn: string },
): string {
  const conditions = conditionsOf(selection, columns, parameters, dialectOf(collation));
  // If the key is a text, its column equals `_key`, which has an index.
  const keyText = columns.find(({ column }) => column.name === keyColumn && column.type === 'string')?.column.name;
  for (const { column, is, value } of selection.where) {
    if (is === 'is' && column === keyText) conditions.push(`_key = ${parameters.add(value)}`);
  }
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

function dialectOf(collation: string): Dialect<ReadColumn> {
  const small = (text: string) => `lower((${text}) COLLATE ${collation})`;
  const pattern = (part: string) => `%${part.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
  return {
    contains: (text, part, parameters) => `${small(text)} LIKE ${parameters.add(pattern(part))}`,
    search: (words, columns, parameters) => {
      const searched = columns.filter(({ column }) => !column.system || column.name === '_key');
      const byText = new Map<string, string[]>();
      for (const word of words) {
        // As Postgres writes it: to give times the form in which they are shown would take longer than all the rest.
        const texts = searched.filter(({ column }) => mayHold(column.type, word)).map(({ sql }) => `${sql}::text`);
        const text = `concat_ws(E'\\n', ${texts.join(', ')})`;
        byText.set(text, [...(byText.get(text) ?? []), parameters.add(pattern(word))]);
      }
      return [...byText].map(([text, all]) => `${small(text)} LIKE ALL (ARRAY[${all.join(', ')}]::text[])`);
    },
    compare: ({ column, sql, text }, operator, value, parameters) => {
      const cast = CASTS[column.type];
      const mine = cast === undefined ? `NULLIF(${text}, '') COLLATE "C"` : `${sql}::${cast}`;
      return `${mine} ${operator} ${parameters.add(value)}${cast === undefined ? '' : `::${cast}`}`;
    },
    instant: (text) => (Number.isNaN(Date.parse(text)) ? undefined : text),
  };
}

/** What values of some types look like. To turn numbers and times into text for every row takes as long as to search the rest. */
const LOOKS: Readonly<Partial<Record<FieldType, RegExp>>> = {
  integer: /^[-\d]+$/,
  number: /^[-+.\de]+$/,
  decimal: /^[-.\d]+$/,
  datetime: /^[-+:.\d]+$/,
  date: /^[-\d]+$/,
  boolean: /^[aeflrstu]+$/,
};

const mayHold = (type: FieldType, word: string): boolean => LOOKS[type]?.test(word.toLowerCase()) ?? true;
