import { beganAt, type Manifest, placeOf } from './manifest.js';
import type { PastRun } from './state/port.js';

/** A run that has ended, and whether it is still where it was written; undefined if that is not known, or if it failed. */
export interface KnownRun extends PastRun {
  readonly isKept: boolean | undefined;
}

/** How a run is called that no dashboard remembers: of the command line, or of a dashboard that has forgotten. */
export const ELSEWHERE = 'elsewhere';

/** Runs that are looked for where an export writes to: the newest. */
export const MOST_FOUND = 100;

/**
 * The runs that dashboards remember, and those that lie where they are written, the newest first.
 * @param found the whole runs that are there, at most the newest {@link MOST_FOUND}, the oldest first; undefined if nobody could look
 * @param place where they are, for people
 */
export function knownRuns(past: readonly PastRun[], found: readonly Manifest[] | undefined, place: string): KnownRun[] {
  const there = new Set(found?.map(({ run }) => run));
  const since = found !== undefined && found.length >= MOST_FOUND ? (found[0]?.run ?? '') : '';
  const remembered = past.map((one): KnownRun => {
    const isKept = found === undefined || one.run === undefined || one.run < since ? undefined : there.has(one.run);
    return { ...one, isKept };
  });
  const known = new Set(past.map(({ run }) => run));
  const others = (found ?? []).filter(({ run }) => !known.has(run)).map((one) => foundRun(one, place));
  return [...remembered, ...others].sort((a, b) => Date.parse(b.begunAt) - Date.parse(a.begunAt));
}

function foundRun({ run, rows, files, writtenAt }: Manifest, place: string): KnownRun {
  return {
    run,
    by: ELSEWHERE,
    instance: ELSEWHERE,
    begunAt: beganAt(run),
    endedAt: writtenAt,
    rows,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    place: placeOf(run, place),
    why: undefined,
    isKept: true,
  };
}
