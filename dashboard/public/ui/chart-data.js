const NUMERIC = new Set(['integer', 'number', 'decimal']);
const TIMES = new Set(['datetime', 'date']);
/** Bars of a histogram. */
const BINS = 24;

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

/**
 * What a chart shows of a result: points in the order of `x`, which are numbers, times in seconds, or places of labels.
 * @returns {{ kind: string, time: boolean, labels: string[] | undefined, xs: number[], ys: number[], x: string, y: string, words: string }}
 *   `words` tell the same to who cannot see it
 */
export function chartData({ columns, rows }, { kind, x, y }) {
  const at = (name) => columns.findIndex((one) => one.name === name);
  if (kind === 'histogram') return histogram(rows, at(x), x);
  const type = columns[at(x)]?.type;
  const isTime = TIMES.has(type);
  const isNumber = NUMERIC.has(type);
  const read = (value) => (isTime ? Date.parse(value) / 1000 : Number(value));
  const points = rows
    .map((row, index) => ({
      x: isTime || isNumber ? read(row[at(x)]) : index,
      y: row[at(y)] === null ? null : Number(row[at(y)]),
      label: row[at(x)],
    }))
    .filter(
      (point) => isDrawn(point.x) && !(isNumber && point.label === null) && (point.y === null || isDrawn(point.y)),
    );
  if (isTime || isNumber) points.sort((a, b) => a.x - b.x);
  const ys = points.map((point) => point.y);
  const known = ys.filter((one) => one !== null);
  const range = known.length === 0 ? 'no values' : `from ${short(least(known))} to ${short(most(known))}`;
  return {
    kind,
    time: isTime,
    labels: isTime || isNumber ? undefined : points.map(({ label }) => String(label)),
    xs: points.map((point) => point.x),
    ys,
    x,
    y,
    words: `${y} by ${x}: ${points.length.toLocaleString('en')} points, ${range}. The table below has the same values.`,
  };
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
  return { kind: 'histogram', time: false, labels: undefined, xs, ys, x, y: 'rows', words };
}

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
