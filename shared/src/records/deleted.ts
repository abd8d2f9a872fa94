import { PoisonError } from '../errors.js';
import { describeValue } from './describe.js';
import { ownValue } from './own-value.js';

/**
 * The property of a canonical record that says that its key is no more. With `true` the record is a *tombstone*: of all else that
 * it holds only the key and the version count. No field of an entity can have this name.
 */
export const DELETED = '_deleted';

/**
 * Whether a canonical record is a tombstone.
 * @param what the record, for the error
 * @throws PoisonError if it says so in another form than true or false: to guess would bring a record back, or remove one
 */
export function isDeleted(raw: Readonly<Record<string, unknown>>, what: string): boolean {
  const value = ownValue(raw, DELETED);
  if (value === undefined || value === false) return false;
  if (value === true) return true;
  const wanted = 'expected true (the record is deleted) or false (as if it were absent)';
  const message = `${what}: "${DELETED}" is ${describeValue(value)}: ${wanted}`;
  throw new PoisonError('deleted_invalid', message, DELETED, { fault: wanted });
}
