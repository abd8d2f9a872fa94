import type { ColumnProfile, Profile } from '../port.js';
import type { Ask, Dialect, QueryColumn, Rows } from './dialect.js';
import { momentOf, timeOf } from './moments.js';
import { TooSlowError } from './too-slow.js';

/** Steps of a histogram. */
const STEPS = 20;
const EXAMPLES = 5;
/** Characters of a value that are shown. */
const SHOWN = 100;
/** A column with more different values is counted about, and its examples are any. */
const MOST_COUNTED = 10_000;
/** Rows that any examples are taken from. */
const LOOKED_AT = 200;
/** A dataset may have thousands of columns that only its files name. */
const MOST_COLUMNS = 200;
/** Milliseconds. Each statement has its own, shorter limit. */
const WITHIN = 60_000;

/**
 * What the values of columns are like, in one statement for all, and one or two for each.
 * @throws TooSlowError
 */
export async function profile(ask: Ask, all: readonly QueryColumn[], rows: Rows, dialect: Dialect): Promise<Profile> {
  const until = performance.now() + WITHIN;
  const columns = all.slice(0, MOST_COLUMNS);
  const aggregated = columns.map((one, index) => `, ${aggregates(one, dialect, index)}`).join('');
  const [line = {}] = await ask(
    `SELECT count(*) AS total, ${dialect.since('true')} AS since${aggregated} FROM ${rows.from} WHERE ${rows.where}`,
  );
  const profiles: ColumnProfile[] = [];
  for (const [index, one] of columns.entries()) {
    if (performance.now() > until)
      throw new TooSlowError(WITHIN, ' to look at all columns: look at the rows with a filter');
    const told = (name: string) => line[`${name}${index}`];
    const filled = Number(told('f') ?? 0);
    const ends = numbersOf(told('l'), told('m'));
    const about = Number(told('d') ?? 0);
    const counted = filled > 0 && about <= MOST_COUNTED ? await frequent(ask, one, rows, dialect) : undefined;
    profiles.push({
      column: one.column,
      empty: Number(line.total ?? 0) - filled,
      distinct: counted?.different ?? Math.min(about, filled),
      isAbout: filled > 0 && counted === undefined,
      least: textOf(told('a')) ?? momentOf(one, ends?.[0]),
      most: textOf(told('z')) ?? momentOf(one, ends?.[1]),
      histogram: ends === undefined ? null : await histogram(ask, one.number ?? '', ends, rows),
      examples: counted?.examples ?? (filled === 0 ? [] : await anyOf(ask, one, rows, dialect)),
      since: timeOf(told('w')),
    });
  }
  return {
    rows: Number(line.total ?? 0),
    since: timeOf(line.since),
    columns: profiles,
    left: all.length - columns.length,
  };
}

function aggregates(
  { column, plain, text, filled, ends, number }: QueryColumn,
  dialect: Dialect,
  index: number,
): string {
  const { since, different, binary, fetched } = dialect;
  const beginning = fetched(binary(`left(nullif(${text}, ''), 200)`));
  const [least, most] = ends ?? (column.type === 'string' ? [`min(${beginning})`, `max(${beginning})`] : []);
  return [
    `count(*) FILTER (WHERE ${filled}) AS f${index}`,
    `${different(`nullif(${plain}, '')`)} AS d${index}`,
    `${since(filled)} AS w${index}`,
    ...(least === undefined ? [] : [`${least} AS a${index}`, `${most} AS z${index}`]),
    ...(number === undefined ? [] : [`min(${number}) AS l${index}`, `max(${number}) AS m${index}`]),
  ].join(', ');
}

/** Columns of a dataset do not begin with an underscore, so the names are free. */
async function frequent(ask: Ask, { name, text, filled }: QueryColumn, { from, where }: Rows, { fetched }: Dialect) {
  const found = await ask(
    `SELECT left(${fetched(text)}, ${SHOWN + 1}) AS _shown, _rows, _different FROM (
       SELECT ${name}, count(*) AS _rows, count(*) OVER () AS _different FROM ${from} WHERE ${where} AND ${filled}
        GROUP BY ${name} ORDER BY _rows DESC, ${name} LIMIT ${EXAMPLES}) AS frequent ORDER BY _rows DESC, _shown`,
  );
  const examples = found.map((one) => ({ value: cut(one._shown), count: Number(one._rows) }));
  return { examples, different: Number(found[0]?._different ?? 0) };
}

async function anyOf(ask: Ask, { name, text, filled }: QueryColumn, { from, where }: Rows, { fetched }: Dialect) {
  const found = await ask(
    `SELECT DISTINCT left(${fetched(text)}, ${SHOWN + 1}) AS _shown FROM (
       SELECT ${name} FROM ${from} WHERE ${where} AND ${filled} LIMIT ${LOOKED_AT}) AS a_few ORDER BY _shown LIMIT ${EXAMPLES}`,
  );
  return found.map((one) => ({ value: cut(one._shown), count: null }));
}

async function histogram(ask: Ask, number: string, [least, most]: Ends, { from, where }: Rows): Promise<number[]> {
  const counts = new Array<number>(most > least ? STEPS : 1).fill(0);
  // Halves do not overflow where the whole does. Postgres ends the statement where a small number becomes 0 by a division.
  const place = `(${number} / 2 - (${least / 2}))`;
  const width = (most / 2 - least / 2) / STEPS;
  const step =
    most > least
      ? `CASE WHEN ${place} < ${width} THEN 0 ELSE least(${STEPS - 1}, floor(${place} / ${width})) END`
      : '0';
  const found = await ask(
    `SELECT ${step} AS step, count(*) AS total FROM ${from} WHERE ${where} AND ${number} IS NOT NULL GROUP BY 1`,
  );
  for (const { step: at, total } of found) counts[Math.max(0, Math.min(counts.length - 1, Number(at)))] = Number(total);
  return counts;
}

type Ends = readonly [least: number, most: number];

function numbersOf(least: unknown, most: unknown): Ends | undefined {
  if (least === null || least === undefined || most === null || most === undefined) return undefined;
  return [Number(least), Number(most)];
}

/** A text that ends within an emoji has no UTF-8 form. */
function cut(value: unknown): string {
  const text = String(value ?? '');
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN).toWellFormed()}…`;
}

const textOf = (value: unknown): string | null => (value === null || value === undefined ? null : cut(value));
