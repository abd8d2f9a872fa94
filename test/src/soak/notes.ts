import type { FaultKind } from '../chaos/plan.js';
import type { Sample } from './slopes.js';

/** What the CSV output keeps of writers that were fenced: it goes with each epoch, and grows with deaths in between. */
export const NOTES = 'notes of fenced writers';

export interface FencedNotes {
  /** The most that were there at one time. */
  readonly most: number;
  /** Writers that may have been fenced meanwhile. */
  readonly deaths: number;
  readonly isBounded: boolean;
}

/** A consumer writes under two names: its own, and that of the aggregates. */
const WRITERS = 2;

/** @returns undefined where there are none, as in Postgres */
export function judgeNotes(
  samples: readonly Sample[],
  kills: Readonly<Record<FaultKind, number>>,
  consumers: number,
): FencedNotes | undefined {
  const counts = samples.flatMap(({ values }) => values[NOTES] ?? []);
  if (counts.length === 0) return undefined;
  const most = Math.max(...counts);
  const ofOne = kills.consumer + kills.pause;
  const ofAll = kills.rabbitmq + kills.redisFlush + kills.redisRestart;
  const deaths = WRITERS * (ofOne + consumers * ofAll);
  return { most, deaths, isBounded: most <= deaths };
}
