/** A place in the log of Postgres (LSN), as a number; as text it is `16/B374D848`. */
export type Lsn = bigint;

export function parseLsn(text: string): Lsn {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export const writeLsn = (lsn: Lsn): string =>
  `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;

/** Base 36 of the milliseconds since the epoch: nine characters last for some thousand years. */
const GENERATION_DIGITS = 9;
const LSN_DIGITS = 16;
const COUNT_DIGITS = 8;

/** What the name of a slot ends in: when it was made. Places in the log can be compared within one slot only. */
export const writeGeneration = (generation: number): string => generation.toString(36).padStart(GENERATION_DIGITS, '0');

/** The generation of a slot, as its name ends in it. */
export const generationOf = (slot: string): string => slot.slice(-GENERATION_DIGITS);

/** @returns NaN for what is no generation */
export const parseGeneration = (text: string): number =>
  /^[0-9a-z]{9}$/.test(text) ? Number.parseInt(text, 36) : Number.NaN;

/**
 * The version of a change: a letter, so that it is newer than versions that are times or numbers, the generation of the slot, the place of the transaction's commit, and which change it is of those that the publication tells of the
 * transaction: those of tables that are not followed count too, so that it does not depend on the settings. Compared as text it is the order in which the database made the changes. A row of a copy has the number 0 at the place
 * that the copy shows: newer than all that was committed before, and older than all that is streamed behind it.
 *
 * A change that is streamed again has the same version again, so the consumer knows it.
 */
export const versionAt = (generation: string, lsn: Lsn, count: number): string =>
  `w${generation}-${lsn.toString(16).padStart(LSN_DIGITS, '0')}-${count.toString(16).padStart(COUNT_DIGITS, '0')}`;
