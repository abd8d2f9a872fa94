import { PoisonError } from '../errors.js';

/**
 * The property of what stands in the place of a record that its source could not read, such as a line of a file: what is wrong with it. No
 * field of an entity can have this name.
 */
export const UNREADABLE = '_unreadable';

/** The property of a canonical record that is to die: where it came from, such as the line of a file. No field can have this name. */
export const ORIGIN = '_origin';

/** The same fault, with the place that the record came from. */
export function withOrigin(error: unknown, raw: unknown): unknown {
  if (!(error instanceof PoisonError) || typeof raw !== 'object' || raw === null) return error;
  const origin = Object.getOwnPropertyDescriptor(raw, ORIGIN)?.value as unknown;
  if (typeof origin !== 'string') return error;
  const message = `${origin.slice(0, 500)}: ${error.message}`;
  return new PoisonError(error.code, message, error.field, { cause: error.cause, fault: error.fault });
}
