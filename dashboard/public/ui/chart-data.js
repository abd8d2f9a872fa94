const NUMERIC = new Set(['integer', 'number', 'decimal']);
const TIMES = new Set(['datetime', 'date']);
const DAY = 86_400_000;
/** Bars of a histogram. */
const BINS = 24;

export const isTime = ({ type }) => TIMES.has(type);

export const isNumeric = ({ type }) => NUMERIC.has(type);

/** Beyond it the difference of two values may be infinite, and nothing is drawn. */
const LARGEST = 1e300;

const isDrawn = (value) => Number.isFinite(value) && Math.abs(value) <= LARGEST;

const short = (value) =>
  Math.abs(value) >= 1e21
    ? String(Number(value.toPrecision(4)))
    : Number.isInteger(value)
      ? value.toLocaleString('en')
      : Number(value.toPrecision(4)).toLocaleString('en');

/** Lines that one chart can tell apart. */
export const MOST_LINES = 6;

/**
 * What a chart shows of a result: points in the order of `x`, which are numbers, times in seconds, or places of labels. Where several rows have
 * one `x`, those of each value of `by` are a line of their own; without it they are points, since a line through them would mean nothing.
 * @param {{ columns: { name: string, type: string }[], rows: readonly unknown[][] }} result
 * @param {{ kind: string, x: string, y: string, by?: string | undefined }} choice `by` is the column that is found to fit unless given; '' for none
 * @returns {{ kind: string, time: boolean, labels: string[] | undefined, xs: number[], lines: { name: string, ys: (number | null | undefined)[] }[], x: string, y: string, by: string, words: string }}
 *   `words` tell the same to who cannot see it; of a line that has no point at an `x`, `ys` has undefined there
 */
export function chartData({ columns, rows }, { kind, x, y, by }) {
  const at = (name) => columns.findIndex((one) => one.name === name);
  if (kind === 'histogram') return histogram(rows, at(x), x);
  const type = columns[at(x)]?.type;
  const isTime = TIMES.has(type);
  const isNumber = NUMERIC.has(type);
  const read = (value) => (isTime ? Date.parse(value) / 1000 : Number(value));
  const points = rows
    .map((row, index) => ({
      row,
      x: isTime || isNumber ? read(row[at(x)]) : index,
      y: row[at(y)] === null ? null : Number(row[at(y)]),
      label: row[at(x)],
    }))
    .filter(
      (point) => isDrawn(point.x) && !(isNumber && point.label === null) && (point.y === null || isDrawn(point.y)),
    );
  if (isTime || isNumber) points.sort((a, b) => a.x - b.x);
  const hasTwins = points.some((point, index) => point.x === points[index - 1]?.x);
  const fitting = hasTwins ? columns.filter((one, index) => one.name !== x && isText(one) && tells(points, index)) : [];
  const chosen = kind === 'bar' ? undefined : (by ?? fitting[0]?.name);
  const names =
    chosen === undefined || at(chosen) < 0 ? [] : [...new Set(points.map(({ row }) => labelOf(row[at(chosen)])))];
  const isSplit = names.length > 0 && names.length <= MOST_LINES;
  const shown = !isSplit && hasTwins && kind === 'line' ? 'scatter' : kind;
  const { xs, lines } = isSplit
    ? linesOf(points, names, at(chosen))
    : { xs: points.map((point) => point.x), lines: [{ name: y, ys: points.map((point) => point.y) }] };
  const known = points.map((point) => point.y).filter((one) => one !== null);
  const range = known.length === 0 ? 'no values' : `from ${short(least(known))} to ${short(most(known))}`;
  const told = isSplit
    ? `, as ${lines.length} lines by ${chosen}: ${names.join(', ')}`
    : shown === kind
      ? ''
      : ', as points: several rows have the same x, and a line would go to and fro';
  return {
    kind: shown,
    time: isTime,
    labels: isTime || isNumber ? undefined : points.map(({ label }) => String(label)),
    xs,
    lines,
    x,
    y,
    by: isSplit ? chosen : '',
    words: `${y} by ${x}: ${points.length.toLocaleString('en')} points, ${range}${told}.`,
  };
}

const labelOf = (value) => (value === null ? 'null' : String(value));

export const isText = ({ type }) => !NUMERIC.has(type) && !TIMES.has(type);

/** Whether a column tells the points of one x apart, by few enough values. */
function tells(points, column) {
  const values = new Set();
  const both = new Set();
  for (const point of points) {
    const value = labelOf(point.row[column]);
    values.add(value);
    both.add(JSON.stringify([point.x, value]));
  }
  return values.size <= MOST_LINES && both.size === points.length;
}

/** Each line over all values of x. Of points with the same x in one line, the last counts. */
function linesOf(points, names, column) {
  const xs = [...new Set(points.map((point) => point.x))];
  const places = new Map(xs.map((one, index) => [one, index]));
  const lines = names.map((name) => ({ name, ys: new Array(xs.length).fill(undefined) }));
  for (const point of points) lines[names.indexOf(labelOf(point.row[column]))].ys[places.get(point.x)] = point.y;
  return { xs, lines };
}

function histogram(rows, column, x) {
  const values = rows
    .map((row) => row[column])
    .filter((one) => one !== null)
    .map(Number)
    .filter(isDrawn);
  const [from, to] = values.length === 0 ? [0, 1] : [least(values), most(values)];
  const width = (to - from) / BINS || 1;
  const ys = new Array(BINS).fill(0);
  for (const value of values) ys[Math.min(BINS - 1, Math.floor((value - from) / width))] += 1;
  const xs = ys.map((_count, index) => from + (index + 0.5) * width);
  const fullest = ys.indexOf(most(ys));
  const words = `${x}: ${values.length.toLocaleString('en')} values from ${short(from)} to ${short(to)}; most, ${ys[fullest]}, lie between ${short(from + fullest * width)} and ${short(from + (fullest + 1) * width)}.`;
  return spread(x, xs, ys, false, words);
}

/**
 * The histogram of rows that are counted already.
 * @param {{ columns: { name: string, type: string }[], rows: [string | number | null, number][], step: number }} counted each step by its beginning; `step` is
 *   its width, times in milliseconds
 */
export function countedHistogram({ columns: [{ name: x, type }], rows, step }) {
  const time = TIMES.has(type);
  const known = rows.filter(([from]) => from !== null);
  const ys = known.map(([, count]) => count);
  const middles = known.map(([from]) => middleOf(from, step, type));
  const xs = time ? middles.map((middle) => Date.parse(middle) / 1000) : middles;
  const said = (from) => (time ? from.slice(0, 16).replace('T', ' ') : short(from));
  const [fullest] = ys.length === 0 ? [] : known[ys.indexOf(most(ys))];
  const words =
    fullest === undefined ? `${x}: no values.` : `${x}: most values, ${short(most(ys))}, begin at ${said(fullest)}.`;
  return spread(x, xs, ys, time, words);
}

/** Where the bar of a step stands that begins at `from`: in its middle, unless it has but one value. */
export function middleOf(from, step, type) {
  if (from === null || (type === 'integer' && step === 1) || (type === 'date' && step === DAY)) return from;
  return TIMES.has(type) ? new Date(Date.parse(from) + step / 2).toISOString() : from + step / 2;
}

const spread = (x, xs, ys, time, words) => ({
  kind: 'histogram',
  time,
  labels: undefined,
  xs,
  lines: [{ name: 'rows', ys }],
  x,
  y: 'rows',
  by: '',
  words,
});

const least = (values) => values.reduce((a, b) => Math.min(a, b));
const most = (values) => values.reduce((a, b) => Math.max(a, b));

/**
 * The ends of an axis, with so much between them that a double tells its marks apart: where a step is lost in the rounding, uPlot adds it for ever.
 * @returns {[number, number]}
 */
export function axisOf(from, to) {
  const least = Math.max(Math.abs(from), Math.abs(to)) * 1e-9;
  if (to - from >= least) return [from, to];
  const middle = from / 2 + to / 2;
  return [middle - least, middle + least];
}
