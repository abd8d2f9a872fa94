import { type Cell, SqlError } from './port.js';

type Row = readonly Cell[];

/** Characters of a row that is handed over: the dashboard holds it as a whole, beside those of others. */
const LARGEST_ROW = 16_000_000;
/** Characters that are handed over at once. */
const AT_ONCE = 1_000_000;

/**
 * Rows in pieces that the dashboard can hold, whatever stands in them. This runs in the query's own process: a value that is too large must not
 * come any further.
 * @param longest characters behind which a text is cut, and ends with `…`; those that are cut, and no others, are longer than that
 * @throws SqlError
 */
export function* boundedRows(rows: readonly Row[], longest = Number.POSITIVE_INFINITY): Generator<readonly Row[]> {
  let piece: Row[] = [];
  let size = 0;
  for (const row of rows) {
    const cut = row.some((cell) => lengthOf(cell) > longest) ? row.map((cell) => cutCell(cell, longest)) : row;
    const own = cut.reduce<number>((sum, cell) => sum + lengthOf(cell), 0);
    if (own > LARGEST_ROW) throw tooLarge();
    if (size + own > AT_ONCE && piece.length > 0) {
      yield piece;
      piece = [];
      size = 0;
    }
    piece.push(cut);
    size += own;
  }
  if (piece.length > 0) yield piece;
}

/** Characters of a text; any other value counts as eight. */
export const lengthOf = (cell: Cell): number => (typeof cell === 'string' ? cell.length : 8);

/** A character of two units may be cut in its middle. */
const cutCell = (cell: Cell, longest: number): Cell =>
  typeof cell === 'string' && cell.length > longest ? `${cell.slice(0, longest).toWellFormed()}…` : cell;

const tooLarge = () =>
  new SqlError(
    'sql_too_large',
    `a row has more than ${LARGEST_ROW / 1_000_000} million characters: choose fewer columns, or shorten the values`,
  );
