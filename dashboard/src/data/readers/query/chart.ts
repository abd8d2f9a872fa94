import { type Chart, type ChartQuery, QueryError } from '../port.js';
import type { Ask, Dialect, Line, QueryColumn, Rows } from './dialect.js';
import { isTime, momentOf } from './moments.js';
import { type Steps, stepsOf } from './steps.js';
import { columnNamed } from './where.js';

/** Steps at most, about: bars are read one by one, a line is looked at as a whole. */
const STEPS = { histogram: 24, bar: 30, line: 200 } as const;
/** Bars of values that have no steps, lines, and points of single rows. */
const MOST_BARS = 24;
const MOST_LINES = 6;
const MOST_POINTS = 2_000;
/** Characters of a value by which rows are told apart. */
const LONGEST = 100;

/** Postgres' own average ends the statement where a square is no double. */
const HOW = {
  average: (number: string) => `sum(${number}) / count(*)`,
  sum: (number: string) => `sum(${number})`,
  least: (number: string) => `min(${number})`,
  most: (number: string) => `max(${number})`,
} as const satisfies Record<ChartQuery['how'], (number: string) => string>;

type Made = Pick<Chart, 'rows' | 'step' | 'left'>;

interface Drawn extends Rows {
  readonly values: readonly string[];
  readonly x: QueryColumn;
  readonly y: QueryColumn | undefined;
  /** The text of the column whose values are lines of their own. */
  readonly label: string | undefined;
  /** What stands upwards for rows that are put together. */
  readonly told: string;
  readonly key: string;
  readonly dialect: Dialect;
}

/**
 * All rows of a selection as a chart: put together by the database, or single ones picked by a hash of their keys, so that each time they are
 * the same.
 * @throws UnknownColumnError, or QueryError if a column has no numbers
 */
export async function chartOf(
  ask: Ask,
  rows: Rows & { readonly values: readonly string[] },
  { columns, key, dialect }: { columns: readonly QueryColumn[]; key: string; dialect: Dialect },
  query: ChartQuery,
): Promise<Omit<Chart, 'revision'>> {
  const { x, y, by } = chosen(query, columns);
  const numbers = [x.number, y?.number].filter((one) => one !== undefined);
  const where = [rows.where, ...numbers.map(isDrawable)].join(' AND ');
  const among = `FILTER (WHERE ${where})`;
  const ends = x.number === undefined ? '' : `, min(${x.number}) ${among} AS l, max(${x.number}) ${among} AS m`;
  const [line = {}] = await ask(
    `SELECT count(*) AS total, count(*) ${among} AS drawn${ends} FROM ${rows.from} WHERE ${rows.where}`,
    rows.values,
  );
  const label = by === undefined ? undefined : labelOf(by, dialect);
  const drawn: Drawn = {
    ...rows,
    where,
    x,
    y,
    label,
    told: y?.number === undefined ? 'count(*)' : HOW[query.how](y.number),
    key,
    dialect,
  };
  const different = label === undefined ? 0 : await differentOf(ask, drawn, label);
  const lines = label === undefined ? drawn : { ...drawn, where: `${where} AND ${isOfLine(drawn, label)}` };
  const made =
    query.chart === 'scatter'
      ? await points(ask, lines)
      : x.number === undefined
        ? await bars(ask, lines)
        : await steps(ask, lines, stepsOf(Number(line.l ?? 0), Number(line.m ?? 0), STEPS[query.chart], x.column.type));
  return {
    columns: [
      { name: x.column.name, type: x.column.type },
      ...(by === undefined ? [] : [{ name: by.column.name, type: 'string' as const }]),
      { name: y === undefined ? 'rows' : y.column.name, type: y === undefined ? 'integer' : 'number' },
    ],
    total: Number(line.total ?? 0),
    drawn: Number(line.drawn ?? 0),
    ...made,
    left: made.left + Math.max(0, different - MOST_LINES),
  };
}

/** @throws UnknownColumnError, or QueryError if one cannot be drawn */
function chosen({ chart, ...names }: ChartQuery, columns: readonly QueryColumn[]) {
  const named = (name: string | undefined) => (name === undefined ? undefined : columnNamed(name, columns));
  const x = columnNamed(names.x, columns);
  const y = chart === 'histogram' ? undefined : named(names.y);
  const by = chart === 'line' || chart === 'scatter' ? named(names.by) : undefined;
  if (chart !== 'bar' && x.number === undefined) {
    throw new QueryError(`${names.x} has neither numbers nor times: across, it fits bars alone`);
  }
  if (chart === 'scatter' && y === undefined) throw new QueryError('a scatter needs y, a column of numbers');
  if (y !== undefined && (y.number === undefined || isTime(y.column.type))) {
    throw new QueryError(`${names.y} has no numbers that could be drawn upwards`);
  }
  return { x, y, by };
}

/** Sums of what is larger may be no double, and Postgres ends the statement then. */
const isDrawable = (number: string): string => `abs(${number}) < 1e300`;

const labelOf = ({ text }: QueryColumn, { binary }: Dialect): string =>
  binary(`coalesce(left(${text}, ${LONGEST}), '')`);

async function differentOf(ask: Ask, { from, where, values }: Drawn, label: string): Promise<number> {
  const [found] = await ask(
    `SELECT count(*) AS different FROM (SELECT ${label} AS label FROM ${from} WHERE ${where} GROUP BY 1) AS labels`,
    values,
  );
  return Number(found?.different ?? 0);
}

/** Holds for rows of the values that most rows have. */
const isOfLine = ({ from, where }: Drawn, label: string): string =>
  `${label} IN (SELECT label FROM (SELECT ${label} AS label, count(*) AS total FROM ${from} WHERE ${where}
     GROUP BY 1 ORDER BY total DESC, label LIMIT ${MOST_LINES}) AS frequent)`;

/** Each row by itself; some where there are many. */
async function points(ask: Ask, { from, where, values, x, y, label, key, dialect }: Drawn): Promise<Made> {
  const found = await ask(
    `SELECT ${x.number} AS x, ${label === undefined ? '' : `${dialect.fetched(label)} AS label, `}${y?.number} AS y
       FROM ${from} WHERE ${where} ORDER BY md5(${key}) LIMIT ${MOST_POINTS}`,
    values,
  );
  const rows = found.map((line) => [shownX(x, Number(line.x)), ...labelIn(line, label), Number(line.y)]);
  return { rows, step: null, left: 0 };
}

/** Rows by the value of a column, the most frequent values. */
async function bars(ask: Ask, { from, where, values, x, told, dialect }: Drawn): Promise<Made> {
  const found = await ask(
    `SELECT ${dialect.fetched('label')} AS label, told, different FROM (
       SELECT label, told, total, count(*) OVER () AS different FROM (
         SELECT ${labelOf(x, dialect)} AS label, ${told} AS told, count(*) AS total FROM ${from} WHERE ${where} GROUP BY 1) AS grouped
        ORDER BY total DESC, label LIMIT ${MOST_BARS}) AS frequent ORDER BY total DESC, label`,
    values,
  );
  const rows = found.map((line) => [...labelIn(line, 'label'), Number(line.told)]);
  return { rows, step: null, left: Number(found[0]?.different ?? 0) - rows.length };
}

/** Rows by equal steps of a column. */
async function steps(
  ask: Ask,
  { from, where, values, x, y, label, told: value, dialect }: Drawn,
  { width: step, origin }: Steps,
): Promise<Made> {
  // What is a step's beginning but for the rounding belongs to it.
  // Postgres ends the statement where a small number becomes 0 by a division.
  const at = `CASE WHEN abs(${x.number} - ${origin}) < ${step * 1e-10}::float8 THEN 0
                   ELSE floor((${x.number} - ${origin}) / ${step}::float8 + 1e-9) END`;
  const found = await ask(
    `SELECT place, ${label === undefined ? '' : `${dialect.fetched('label')} AS label, `}told FROM (
       SELECT ${at} AS place, ${label === undefined ? '' : `${label} AS label, `}${value} AS told FROM ${from} WHERE ${where}
        GROUP BY 1${label === undefined ? '' : ', 2'}) AS grouped ORDER BY place`,
    values,
  );
  const row = (index: number, line: Line, value: number) => [
    shownX(x, Number((index * step + origin).toPrecision(15))),
    ...labelIn(line, label),
    value,
  ];
  if (y !== undefined) {
    return { rows: found.map((line) => row(Number(line.place), line, Number(line.told))), step, left: 0 };
  }
  // Of values that are put together there are none where there is no row; of rows there are 0.
  const [first, last] = [Number(found[0]?.place ?? 0), Number(found.at(-1)?.place ?? -1)];
  const told = new Map(
    found.map((line) => [JSON.stringify([Number(line.place), line.label ?? null]), Number(line.told)]),
  );
  const labels = [...new Set(found.map((line) => line.label ?? null))];
  const rows = Array.from({ length: last - first + 1 }, (_, index) =>
    labels.map((one) => row(first + index, { label: one }, told.get(JSON.stringify([first + index, one])) ?? 0)),
  );
  return { rows: rows.flat(), step, left: 0 };
}

const shownX = (x: QueryColumn, value: number): string | number | null =>
  isTime(x.column.type) ? momentOf(x, value) : value;

/** A row's value of the column by which rows are told apart; null stands for nothing. */
const labelIn = ({ label }: Line, asked: string | undefined): (string | null)[] =>
  asked === undefined ? [] : [label === '' || label === null ? null : String(label)];
