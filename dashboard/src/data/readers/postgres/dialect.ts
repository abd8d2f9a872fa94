import type { FieldType } from '@tributary/shared';
import type { Dialect } from '../query/dialect.js';

export const binary = (text: string): string => `(${text}) COLLATE "C"`;

/** @param collation under which text is put into small letters */
export function dialectOf(collation: string): Dialect {
  const small = (text: string) => `lower((${text}) COLLATE ${collation})`;
  const pattern = (part: string) => `%${part.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
  return {
    binary,
    fetched: (text) => text,
    bytes: (text) => `octet_length(${text})`,
    units: (text) => `length(${text}) + length(regexp_replace(${text}, '[\\u0001-\\uFFFF]', '', 'g'))`,
    // To count different values exactly, Postgres sorts all of them.
    different: (text) =>
      `count(DISTINCT hashtext(${text})) FILTER (WHERE hashtext(${text}) % ${ONE_IN} = 0) * ${ONE_IN}`,
    contains: (text, part, parameters) => `${small(text)} LIKE ${parameters.add(pattern(part))}`,
    search: (words, columns, parameters) => {
      const searched = columns.filter(({ column }) => !column.system || column.name === '_key');
      const byText = new Map<string, string[]>();
      for (const word of words) {
        // As Postgres writes it: to give times the form in which they are shown would take longer than all the rest.
        const texts = searched.filter(({ column }) => mayHold(column.type, word)).map(({ plain }) => plain);
        const text = `concat_ws(E'\\n', ${texts.join(', ')})`;
        byText.set(text, [...(byText.get(text) ?? []), parameters.add(pattern(word))]);
      }
      return [...byText].map(([text, all]) => `${small(text)} LIKE ALL (ARRAY[${all.join(', ')}]::text[])`);
    },
    since: (filter) => `extract(epoch FROM min(_written_at) FILTER (WHERE isfinite(_written_at) AND ${filter})) * 1000`,
  };
}

/** One in so many different values is counted. */
const ONE_IN = 64;

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
