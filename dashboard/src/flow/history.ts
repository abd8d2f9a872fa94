import { FLOW_NAMES } from './rates.js';

export const MEASURES = [...FLOW_NAMES, 'backlog', 'unacked', 'freshness'] as const;
export type Measure = (typeof MEASURES)[number];

/** Measurements as columns of one length, as a chart takes them. */
export interface History {
  /** Seconds since the epoch. */
  readonly at: readonly number[];
  readonly series: Readonly<Record<Measure, readonly (number | null)[]>>;
}

const HOUR = 3_600_000;
/** Milliseconds between two points: 360 of them are an hour, more than a small chart can show. */
export const EVERY = 10_000;

/** One hour of measurements, in memory. */
export class Recorder {
  readonly #points: { at: number; values: Readonly<Record<Measure, number | null>> }[] = [];

  /** Adds a point, unless the last one is too near. @returns whether it did */
  record(at: number, values: Readonly<Record<Measure, number | null>>): boolean {
    const last = this.#points.at(-1);
    if (last !== undefined && at - last.at < EVERY - 500) return false;
    this.#points.push({ at, values });
    while (at - (this.#points[0]?.at ?? at) > HOUR) this.#points.shift();
    return true;
  }

  get history(): History {
    return toHistory(this.#points);
  }
}

/** Points as columns. */
export function toHistory(
  points: readonly { readonly at: number; readonly values: Readonly<Record<Measure, number | null>> }[],
): History {
  const column = (measure: Measure) => points.map(({ values }) => round(values[measure]));
  return {
    at: points.map(({ at }) => Math.round(at / 1_000)),
    series: Object.fromEntries(MEASURES.map((measure) => [measure, column(measure)])) as Record<
      Measure,
      ReturnType<typeof column>
    >,
  };
}

const round = (value: number | null): number | null => (value === null ? null : Math.round(value * 100) / 100);
