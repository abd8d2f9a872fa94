import type { FaultKind } from '../chaos/plan.js';
import type { Sample } from './slopes.js';

/** How many of each there are. */
export interface Cast {
  readonly producers: number;
  readonly consumers: number;
  readonly queues: number;
}

type Kills = Readonly<Record<FaultKind, number>>;

/** A consumer writes under two names: its own, and that of the aggregates. */
const WRITERS = 2;

/** What is kept of each process that died, for a while: it may grow with deaths, and no faster. The most that there may be of it. */
export const KEPT = {
  /** They go when an epoch begins (consumer/src/sinks/csv/fence.ts). */
  'notes of fenced writers': (kills: Kills, { consumers }: Cast) =>
    WRITERS * (kills.consumer + kills.pause + consumers * (kills.rabbitmq + kills.redisFlush + kills.redisRestart)),
  /** They go some days after a producer has ended (shared/src/redis/publications.ts). */
  'notes of settled messages': (kills: Kills, { producers, queues }: Cast) =>
    queues * (producers + kills.producer + producers * kills.rabbitmq),
} as const satisfies Record<string, (kills: Kills, cast: Cast) => number>;

export interface Kept {
  readonly name: string;
  /** The most that there was at one time. */
  readonly most: number;
  readonly allowed: number;
  readonly isBounded: boolean;
}

/** Judges what was measured of it: the CSV output alone has notes of fenced writers. */
export function judgeKept(samples: readonly Sample[], kills: Kills, cast: Cast): readonly Kept[] {
  return Object.entries(KEPT).flatMap(([name, allow]) => {
    const counts = samples.flatMap(({ values }) => values[name] ?? []);
    if (counts.length === 0) return [];
    const most = Math.max(...counts);
    const allowed = allow(kills, cast);
    return [{ name, most, allowed, isBounded: most <= allowed }];
  });
}
