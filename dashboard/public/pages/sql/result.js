import { h } from '../../ui/dom.js';
import { count, localTime, plural } from '../../ui/format.js';

const FORMATS = [
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
  ['json', 'JSON'],
  ['parquet', 'Parquet'],
];
const NUMBERS = new Set(['integer', 'number', 'decimal']);
/** Characters of a cell that are shown. */
const LONGEST = 300;

/** What a result is, and what was cut. */
export function wordsOf({ rows, cut, shortened, asOf, milliseconds }, limits) {
  const found = plural(rows.length, 'row');
  const more = {
    rows: `the first ${count(limits.rows)} rows; there are more, which a file has`,
    size: `${found}; the others are too large to be shown here, a file has them`,
  };
  const long = shortened === 0 ? '' : `, ${plural(shortened, 'long value')} cut (a file has them whole)`;
  return `${cut === null ? found : more[cut]}${long}, ${(milliseconds / 1000).toFixed(1)} s, as of ${localTime(Date.parse(asOf))}`;
}

/** All rows as files. */
export const downloads = (query) =>
  FORMATS.map(([format, words]) =>
    h(
      'a',
      { class: 'control', download: `query.${format}`, href: `/api/sql.${format}?${new URLSearchParams({ query })}` },
      words,
    ),
  );

export function tableOf({ columns, rows }) {
  if (columns.length === 0) return h('p', { class: 'quiet' }, 'There are no columns.');
  const head = columns.map(({ name, type }) =>
    h('th', { scope: 'col', class: NUMBERS.has(type) && 'number' }, name, h('span', { class: 'type' }, type)),
  );
  const cell = (value, { type }) => {
    if (value === null) return h('td', { class: 'faint' }, 'null');
    const text = String(value);
    const isCut = text.length > LONGEST;
    return h(
      'td',
      { class: NUMBERS.has(type) && 'number', title: isCut && text.slice(0, 2000) },
      isCut ? `${text.slice(0, LONGEST)}…` : text,
    );
  };
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, ...head)),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map((value, index) => cell(value, columns[index]))))),
  );
}
