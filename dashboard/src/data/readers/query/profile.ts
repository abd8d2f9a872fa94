import { RetryableError } from '@tributary/shared';
import type { ColumnProfile, Profile } from '../port.js';
import type { QueryColumn } from './columns.js';

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

/** How a database looks at the values of a column. All are expressions. */
export interface ProfiledColumn {
  readonly column: QueryColumn['column'];
  /** Holds for a row with a value. */
  readonly filled: string;
  /** About how many different values there are. */
  readonly different: string;
  /** What equal values have in common; it stands under this name in the rows. */
  readonly value: string;
  /** {@link value} as it is shown. */
  readonly shown: string;
  /** The least and the most, as text; undefined where the numbers say it, or where there is no order. */
  readonly ends?: readonly [least: string, most: string] | undefined;
  /** The value as a number without infinity, times in milliseconds since 1970. */
  readonly number?: string | undefined;
}

export interface Profiled {
  readonly from: string;
  readonly where: string;
  /** When a row was written, aggregated to the first, in milliseconds since 1970: an expression with the condition of the rows. */
  since(filter: string): string;
}

type Line = Readonly<Record<string, unknown>>;
type Ask = (text: string) => Promise<Line[]>;

/** The values of columns, in one statement for all, and one or two for each. @throws RetryableError if it takes too long */
export async function profile(
  ask: Ask,
  all: readonly ProfiledColumn[],
  { from, where, since }: Profiled,
): Promise<Profile> {
  const until = performance.now() + WITHIN;
  const columns = all.slice(0, MOST_COLUMNS);
  const [line = {}] = await ask(
    `SELECT count(*) AS total, ${since('true')} AS since${columns.map((one, index) => `, ${aggregates(one, since, index)}`).join('')}
       FROM ${from} WHERE ${where}`,
  );
  const profiles: ColumnProfile[] = [];
  for (const [index, one] of columns.entries()) {
    if (performance.now() > until) throw tooSlow();
    const told = (name: string) => line[`${name}${index}`];
    const filled = Number(told('f') ?? 0);
    const ends = numbersOf(told('l'), told('m'));
    const about = Number(told('d') ?? 0);
    const counted = filled > 0 && about <= MOST_COUNTED ? await frequent(ask, one, from, where) : undefined;
    profiles.push({
      column: one.column,
      empty: Number(line.total ?? 0) - filled,
      distinct: counted?.different ?? Math.min(about, filled),
      isAbout: filled > 0 && counted === undefined,
      least: textOf(told('a')) ?? momentOf(one, ends?.[0]),
      most: textOf(told('z')) ?? momentOf(one, ends?.[1]),
      histogram: ends === undefined ? null : await histogram(ask, one.number ?? '', ends, from, where),
      examples: counted?.examples ?? (filled === 0 ? [] : await anyOf(ask, one, from, where)),
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
  { filled, different, ends, number }: ProfiledColumn,
  since: Profiled['since'],
  index: number,
): string {
  return [
    `count(*) FILTER (WHERE ${filled}) AS f${index}`,
    `${different} AS d${index}`,
    `${since(filled)} AS w${index}`,
    ...(ends === undefined ? [] : [`${ends[0]} AS a${index}`, `${ends[1]} AS z${index}`]),
    ...(number === undefined ? [] : [`min(${number}) AS l${index}`, `max(${number}) AS m${index}`]),
  ].join(', ');
}

/** Columns of a dataset do not begin with an underscore, so the names are free. */
async function frequent(ask: Ask, { value, shown, filled }: ProfiledColumn, from: string, where: string) {
  const found = await ask(
    `SELECT left(${shown}, ${SHOWN + 1}) AS _shown, _rows, _different FROM (
       SELECT ${value}, count(*) AS _rows, count(*) OVER () AS _different FROM ${from} WHERE ${where} AND ${filled}
        GROUP BY ${value} ORDER BY _rows DESC, ${value} LIMIT ${EXAMPLES}) AS frequent ORDER BY _rows DESC, _shown`,
  );
  const examples = found.map((one) => ({ value: cut(one._shown), count: Number(one._rows) }));
  return { examples, different: Number(found[0]?._different ?? 0) };
}

async function anyOf(ask: Ask, { value, shown, filled }: ProfiledColumn, from: string, where: string) {
  const found = await ask(
    `SELECT DISTINCT left(${shown}, ${SHOWN + 1}) AS _shown FROM (
       SELECT ${value} FROM ${from} WHERE ${where} AND ${filled} LIMIT ${LOOKED_AT}) AS a_few ORDER BY _shown LIMIT ${EXAMPLES}`,
  );
  return found.map((one) => ({ value: cut(one._shown), count: null }));
}

async function histogram(
  ask: Ask,
  number: string,
  [least, most]: Ends,
  from: string,
  where: string,
): Promise<number[]> {
  const counts = new Array<number>(most > least ? STEPS : 1).fill(0);
  // Halves do not overflow where the whole does.
  const step =
    most > least
      ? `least(${STEPS - 1}, floor((${number} / 2 - (${least / 2})) / ${(most / 2 - least / 2) / STEPS}))`
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

function momentOf({ column: { type } }: ProfiledColumn, milliseconds: number | undefined): string | null {
  const time = timeOf(milliseconds);
  return type === 'date' ? (time?.slice(0, 10) ?? null) : time;
}

/** Databases hold times that no Date of JavaScript does. */
function timeOf(milliseconds: unknown): string | null {
  if (milliseconds === null || milliseconds === undefined) return null;
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

const tooSlow = (): RetryableError =>
  new RetryableError(
    'too_slow',
    `it took longer than ${WITHIN / 1_000} s to look at all columns: look at the rows with a filter`,
  );
