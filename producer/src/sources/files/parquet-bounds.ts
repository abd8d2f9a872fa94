import type { Compressors, FileMetaData } from 'hyparquet';
import type { OpenFile } from './places/place.js';

/** Bytes to which the pages of the groups that are read at once may unpack. A group has to fit into the memory. */
const MOST_UNPACKED = 1024 * 1024 * 1024;

/**
 * Reads a part of a file, for a reader that takes the place from the file itself: a length beyond 2^31 ended the process, and could not be
 * caught.
 * @throws Error for what lies outside of the file
 */
export async function sliceOf(opened: OpenFile, start: number, end: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const { size } = opened.file;
  const isInside =
    Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= size;
  if (!isInside) throw new Error(`its bytes ${start} to ${end} are needed, and it has ${size}`);
  return new Uint8Array(await opened.read(start, end - start, signal)).buffer;
}

/**
 * How many rows a file has.
 * @throws Error if its groups have others: rows without end were made up
 */
export function rowsOf({ num_rows, row_groups }: FileMetaData): number {
  const rows = Number(num_rows);
  const held = row_groups.map((group) => Number(group.num_rows));
  const sum = held.reduce((all, one) => all + one, 0);
  if (rows !== sum || !Number.isSafeInteger(rows) || held.some((one) => one < 0))
    throw new Error(`it says that it has ${rows} rows, and its groups have ${sum}`);
  return rows;
}

/**
 * Refuses rows that a group says it has and none of its columns holds.
 * @throws Error if there are some
 */
export function checkHeld(rows: readonly Readonly<Record<string, unknown>>[]): void {
  const isMadeUp = rows.some((row) => Object.values(row).every((value) => value === undefined));
  if (isMadeUp) throw new Error('a group of it says that it has more rows than its columns hold');
}

/** Unpacks up to a bound in all: a page says itself how large it becomes. */
export function boundedCompressors(compressors: Compressors): Compressors {
  let unpacked = 0;
  return Object.fromEntries(
    Object.entries(compressors).map(([name, unpack]) => [
      name,
      (input: Uint8Array, length: number) => {
        unpacked += Math.max(0, length);
        if (!(unpacked <= MOST_UNPACKED)) throw new Error(`a group of it unpacks to more than ${MOST_UNPACKED} bytes`);
        return unpack(input, length);
      },
    ]),
  );
}
