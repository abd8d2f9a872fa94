import type { Lsn } from './lsn.js';
import type { ChangesPlace } from './place.js';

export interface Keeping {
  /** For how long a person can go back, in milliseconds; 0 for not at all. */
  readonly keep: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether the server holds back so much of its log that nothing may be kept. */
  readonly isTight: boolean;
}

/** So many checkpoints there are, about. */
const COUNT = 20;

/**
 * A place with its checkpoints as of now: a slot cannot be moved backwards (Postgres manual, "Logical Decoding Concepts"), so it stays behind on
 * purpose, at the oldest of them.
 */
export function withCheckpoints(place: ChangesPlace, { keep, now, isTight }: Keeping): ChangesPlace {
  if (keep === 0) return { ...place, kept: [] };
  if (isTight) return { ...place, kept: [{ lsn: place.lsn, at: now }] };
  // One of the future was made before the clock was set back, and would be kept until that is past.
  const before = place.kept.filter(({ lsn, at }) => lsn <= place.lsn && at <= now);
  const last = before.at(-1);
  const isDue = last === undefined || (now - last.at >= keep / COUNT && last.lsn < place.lsn);
  const all = isDue ? [...before, { lsn: place.lsn, at: now }] : before;
  // The last one that is old enough stays: from there on all of the time can be streamed again.
  const first = all.findLastIndex(({ at }) => at <= now - keep);
  return { ...place, kept: all.slice(Math.max(0, first)) };
}

/** Up to where the slot may be confirmed: what is behind it is needed for the oldest checkpoint. */
export const confirmableOf = ({ kept, lsn }: ChangesPlace): Lsn => kept[0]?.lsn ?? lsn;
