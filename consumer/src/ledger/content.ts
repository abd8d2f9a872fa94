import { hash as digest } from 'node:crypto';
import { writeOrder } from './order.js';
import { PackedText } from './packed-text.js';

const written = new PackedText();

/**
 * A row's hash as the ledger compares it. A tombstone's begins with a dash, so that a tombstone for a key that has no row is
 * told from a change.
 */
export const ledgerHash = (hash: string, deleted: boolean): string => (deleted ? `-${hash}` : hash);
export const isTombstone = (hash: string): boolean => hash.startsWith('-');

/** Stands in the place of the hash of content that is not known: a record of any content is a change then. */
export const UNKNOWN_CONTENT = '?';

/** Milliseconds since 1970, until 2109. */
const TIME_LENGTH = 7;

/**
 * Stands before the content of a row that was made in another form than rows are now, because the configuration has changed: `~` and the
 * time of the rebuild, which the answer `F` of claim.lua gives. The message that made it is not new for being read in the new form.
 */
export function writeFormed(at: number): string {
  written.clear().number(at, TIME_LENGTH);
  return `~${written}`;
}

/** Digits of hexadecimal of a content hash that the ledger keeps: 120 bits (docs/performance.md tells why these are enough). */
const KEPT = Array.from({ length: 30 }, (_, at) => at);
/** Characters that these take. */
const HASH_LENGTH = 20;

/**
 * What the ledger keeps of a row: 20 characters of its content hash, and its order (order.ts). With most versions and ids that is 52
 * characters, for which Redis takes 56 bytes, and 64 for one more. A tombstone has a `!` before it.
 *
 * @param hash as {@link ledgerHash} has it
 */
export const writeContent = (hash: string, order: string): string => writeHash(hash) + writeOrder(order);

function writeHash(hash: string): string {
  if (hash === UNKNOWN_CONTENT) return UNKNOWN_CONTENT.repeat(HASH_LENGTH);
  const isClosed = isTombstone(hash);
  const from = isClosed ? 1 : 0;
  if (hash.length === from + 64 && written.clear().hex(hash, from, KEPT))
    return isClosed ? `!${written}` : written.toString();
  // Whatever stands where a hash should, because a person has edited the output: it is the content of no record.
  return writeHash((isClosed ? '-' : '') + digest('sha256', hash.slice(from)));
}
