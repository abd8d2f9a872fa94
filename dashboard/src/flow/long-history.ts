import { type History, MEASURES, type Measure, toHistory } from './history.js';

type Values = Readonly<Record<Measure, number | null>>;

/** How far back, and how many milliseconds a point stands for. */
const SPANS = {
  day: { every: 60_000, length: 86_400_000 },
  month: { every: 3_600_000, length: 30 * 86_400_000 },
} as const;
export type LongSpan = keyof typeof SPANS;
const NAMES = Object.keys(SPANS) as LongSpan[];

/** A point as it is kept: its values in the order of the measures. */
export interface KeptPoint {
  readonly span: LongSpan;
  readonly at: number;
  readonly values: readonly (number | null)[];
}

/** Lines of the file before it is written anew: twice what it has to hold. */
export const MOST_POINTS = 2 * (1_440 + 720);

/** The last day by the minute and the last thirty days by the hour: each point is the mean of what was measured within it. */
export class LongHistory {
  readonly #points: Record<LongSpan, KeptPoint[]> = { day: [], month: [] };
  readonly #open: Partial<Record<LongSpan, { at: number; measured: Values[] }>> = {};

  restore(points: readonly KeptPoint[]): void {
    for (const point of points) {
      const last = this.#points[point.span]?.at(-1);
      const isOne = Array.isArray(point.values) && point.values.length === MEASURES.length && Number.isFinite(point.at);
      if (this.#points[point.span] === undefined || !isOne || (last !== undefined && point.at <= last.at)) continue;
      this.#points[point.span].push(point);
    }
  }

  /** @returns the points that are complete now */
  record(at: number, values: Values): KeptPoint[] {
    return NAMES.flatMap((span) => {
      const { every, length } = SPANS[span];
      const begins = Math.floor(at / every) * every;
      const open = this.#open[span];
      if (open?.at === begins) {
        open.measured.push(values);
        return [];
      }
      this.#open[span] = { at: begins, measured: [values] };
      if (open === undefined) return [];
      const point = { span, at: open.at, values: MEASURES.map((measure) => mean(open.measured, measure)) };
      const points = this.#points[span];
      // A clock that was set back.
      while ((points.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= point.at) points.pop();
      points.push(point);
      while (at - (points[0]?.at ?? at) > length) points.shift();
      return [point];
    });
  }

  /** All that is complete, to be kept. */
  all(): readonly KeptPoint[] {
    return NAMES.flatMap((span) => this.#points[span]);
  }

  of(span: LongSpan): History {
    return toHistory(this.#points[span].map(({ at, values }) => ({ at, values: byName(values) })));
  }
}

const byName = (values: readonly (number | null)[]): Values =>
  Object.fromEntries(MEASURES.map((measure, index) => [measure, values[index] ?? null])) as Record<
    Measure,
    number | null
  >;

function mean(measured: readonly Values[], measure: Measure): number | null {
  const known = measured.flatMap((values) => values[measure] ?? []);
  if (known.length === 0) return null;
  return Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 100) / 100;
}
