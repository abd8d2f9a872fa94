/** Words of SQL that are offered behind names. */
const WORDS = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP BY',
  'ORDER BY',
  'LIMIT',
  'JOIN',
  'LEFT JOIN',
  'HAVING',
  'WITH',
  'count(*)',
  'DISTINCT',
  'BETWEEN',
];

const PLAIN = /^[a-z_][a-z0-9_]*$/;

/** A name as it stands in a query. */
export const quotedName = (name) => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/**
 * Names that fit to what stands before the caret: tables, the columns of those that the query names, then all others.
 * @param {string} text
 * @param {number} caret
 * @param {{ name: string, columns: { name: string, type: string }[] }[]} tables
 * @returns {{ name: string, text: string, about: string, from: number }[]} `from` is where the word begins
 */
export function suggestions(text, caret, tables) {
  const [word = ''] = /[\w$"]*$/.exec(text.slice(0, caret)) ?? [];
  const begun = word.replaceAll('"', '').toLowerCase();
  if (begun === '') return [];
  const named = tables.filter(({ name }) => new RegExp(`\\b${name}\\b`, 'i').test(text));
  const seen = new Set();
  const found = [];
  const add = (name, written, about) => {
    if (seen.has(name) || !name.toLowerCase().startsWith(begun) || name.toLowerCase() === begun) return;
    seen.add(name);
    found.push({ name, text: written, about, from: caret - word.length });
  };
  for (const { name } of tables) add(name, quotedName(name), 'table');
  for (const table of [...named, ...tables]) {
    for (const { name, type } of table.columns) add(name, quotedName(name), `${type} of ${table.name}`);
  }
  for (const one of WORDS) add(one, one, 'SQL');
  return found;
}
