import { createHash } from 'node:crypto';
import type { ExportConfig } from '@tributary/shared';
import type { Cell, SqlColumn } from '../sql/port.js';
import { columnOf } from './column-of.js';

export type Split = NonNullable<ExportConfig['split']>;

/** Between two values of a key; no text of a column holds it but on purpose. */
const BETWEEN = '\u001f';
/** Bytes of the hash that count: a double holds as many exactly. */
const BYTES = 6;

/**
 * Deals rows out to files by the hash of their key: the same key always comes into the same file, in every run, whatever else is exported and
 * whichever database answers.
 *
 * @returns the number of the file of a row
 * @throws FatalError if the key is not among the columns
 */
export function dealerOf({ by, shares }: Split, columns: readonly SqlColumn[]): (row: readonly Cell[]) => number {
  const places = by.map((name) => columns.indexOf(columnOf(name, columns, 'split')));
  let sum = 0;
  const bounds = Object.values(shares).map((share) => (sum += share));
  return (row) => {
    const key = places.map((place) => row[place] ?? '').join(BETWEEN);
    const point = createHash('sha256').update(key).digest().readUIntBE(0, BYTES) / 2 ** (8 * BYTES);
    const file = bounds.findIndex((bound) => point < bound);
    // The sum of the shares may be a little less than 1.
    return file < 0 ? bounds.length - 1 : file;
  };
}
