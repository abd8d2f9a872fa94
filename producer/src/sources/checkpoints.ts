import { isMapping } from '@tributary/shared';
import type { Place } from './port.js';

/**
 * A place that a source has passed, and to which a person can go back: what was brought since is brought again. A source that offers such
 * places keeps them in its own place, under `checkpoints`, the oldest first.
 */
export interface Checkpoint {
  /** As the other side calls it, such as a place in its log. */
  readonly name: string;
  /** When all before it was confirmed, in milliseconds since the epoch. */
  readonly at: number;
  /** What it replaces in the place of now. */
  readonly place: Readonly<Record<string, unknown>>;
}

/** @returns none for a place that offers none */
export function checkpointsOf(place: Place | undefined): readonly Checkpoint[] {
  const { checkpoints } = (place ?? {}) as { readonly checkpoints?: unknown };
  return Array.isArray(checkpoints) ? checkpoints.filter(isCheckpoint) : [];
}

export const goneBack = (place: Place, checkpoint: Checkpoint): Place => ({ ...place, ...checkpoint.place });

/**
 * The checkpoint that a person means.
 * @param wanted its name, or a time: the last one at or before it is taken, so that everything that changed since that time comes again
 * @returns undefined if there is none
 */
export function checkpointAt(checkpoints: readonly Checkpoint[], wanted: string): Checkpoint | undefined {
  const named = checkpoints.find(({ name }) => name === wanted);
  const time = Date.parse(wanted);
  return named ?? checkpoints.findLast(({ at }) => at <= time);
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (!isMapping(value)) return false;
  const { name, at, place } = value;
  return typeof name === 'string' && typeof at === 'number' && isMapping(place);
}
