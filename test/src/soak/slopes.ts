import type { SinkKind } from '@tributary/shared';

/** What was measured at one time: by what it is of, such as `consumer-1 resident memory`. */
export interface Sample {
  /** Seconds after the first. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

/** How much something may grow over the judged part of a run: the larger of the two. */
interface Limit {
  readonly unit: string;
  readonly share: number;
  readonly least: number;
  /** The only sink that has it. */
  readonly sink?: SinkKind;
}

/** What must not grow, by the end of its name, with its unit. */
export const LIMITS = {
  'resident memory': { unit: 'MB', share: 0.15, least: 25 },
  'open files': { unit: '', share: 0.2, least: 10 },
  sockets: { unit: '', share: 0.2, least: 6 },
  'memory of Redis': { unit: 'MB', share: 0.15, least: 5 },
  'keys in Redis': { unit: '', share: 0.1, least: 50 },
  'waiting messages': { unit: '', share: 0.5, least: 2_000 },
  'files beside the rows': { unit: '', share: 0.2, least: 10, sink: 'csv' },
} as const satisfies Record<string, Limit>;

const limits: readonly (readonly [ending: string, limit: Limit])[] = Object.entries(LIMITS);

export interface Slope {
  readonly name: string;
  readonly unit: string;
  /** The middle of what was measured after the start. */
  readonly middle: number;
  /** How much it grew from the start to the end of what is judged, by the median of all slopes (Theil and Sen): single peaks change nothing. */
  readonly growth: number;
  readonly allowed: number;
  readonly isFlat: boolean;
}

/** The first part of a run is not judged: caches fill, code is compiled. */
const WARM_UP = 1 / 3;
/** Less than these samples say nothing. */
const FEWEST = 12;
/** More are thinned out: the pairs grow with their square. */
const MOST = 400;

/**
 * Judges each thing that must not grow.
 * @returns the slopes, and in words what cannot be judged: a run that measures nothing has proved nothing
 */
export function judgeSlopes(
  samples: readonly Sample[],
  sink: SinkKind,
): { slopes: readonly Slope[]; lacking: readonly string[] } {
  const end = samples.at(-1)?.at ?? 0;
  const judged = samples.filter(({ at }) => at >= end * WARM_UP);
  const names = new Set(samples.flatMap(({ values }) => Object.keys(values)));
  const slopes: Slope[] = [];
  const lacking: string[] = [];
  for (const name of names) {
    const [, limit] = limits.find(([ending]) => name.endsWith(ending)) ?? [];
    if (limit === undefined) continue;
    const points = judged.flatMap(({ at, values }): [number, number][] => {
      const value = values[name];
      return value === undefined ? [] : [[at, value]];
    });
    if (points.length < FEWEST) lacking.push(`${name}: measured ${points.length} times, and ${FEWEST} are needed`);
    else slopes.push(slopeOf(name, points, limit));
  }
  for (const [ending, limit] of limits) {
    if ((limit.sink ?? sink) !== sink) continue;
    if (![...names].some((name) => name.endsWith(ending))) lacking.push(`${ending}: never measured`);
  }
  return { slopes, lacking };
}

function slopeOf(name: string, all: readonly [number, number][], limit: Limit): Slope {
  const step = Math.ceil(all.length / MOST);
  const points = all.filter((_, index) => index % step === 0);
  const slopes = points.flatMap(([at, value], index) =>
    points.slice(index + 1).flatMap(([later, then]) => (later > at ? [(then - value) / (later - at)] : [])),
  );
  const middle = median(points.map(([, value]) => value));
  const growth = median(slopes) * ((all.at(-1)?.[0] ?? 0) - (all[0]?.[0] ?? 0));
  const allowed = Math.max(limit.least, middle * limit.share);
  return { name, unit: limit.unit, middle, growth, allowed, isFlat: growth <= allowed };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
