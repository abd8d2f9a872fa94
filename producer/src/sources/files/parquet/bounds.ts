import type { Compressors, FileMetaData, SchemaElement } from 'hyparquet';
import type { parquetHeader } from 'hyparquet/src/column.js';

/** Bytes to which the pages of the groups that are read at once may unpack. A group has to fit into the memory. */
const MOST_UNPACKED = 1024 * 1024 * 1024;

/**
 * Reads a part of a file, for a reader that takes the place from the file itself: a length beyond 2^31 ended the process, and could not be
 * caught.
 * @throws Error for what lies outside of the file
 */
export async function sliceOf(
  read: (at: number, length: number) => Promise<Uint8Array>,
  size: number,
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  const isInside =
    Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= size;
  if (!isInside) throw new Error(`its bytes ${start} to ${end} are needed, and it has ${size}`);
  const bytes = await read(start, end - start);
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return (isWhole ? bytes.buffer : new Uint8Array(bytes).buffer) as ArrayBuffer;
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

/** Values that a group may have, however few bytes hold them. */
const FEW_VALUES = 10_000_000;
/** Values for a byte of the file beyond that: a value that is repeated takes next to nothing, but keys and times do not repeat. */
const VALUES_FOR_A_BYTE = 1_000;
/** Each takes 8 bytes at least. */
const MOST_VALUES = MOST_UNPACKED / 8;

/**
 * Refuses a group that has more values than can be in memory. Some hundred bytes can hold any number of them as one that is repeated, which
 * no compressor unpacks, so that its bound does not count them.
 * @throws Error naming the group
 */
export function checkValues({ row_groups }: FileMetaData, bytes: number): void {
  const most = Math.min(MOST_VALUES, Math.max(FEW_VALUES, bytes * VALUES_FOR_A_BYTE));
  for (const [index, { columns }] of row_groups.entries()) {
    const values = columns.reduce((all, { meta_data }) => all + Math.abs(Number(meta_data?.num_values ?? 0)), 0);
    if (values <= most) continue;
    throw new Error(
      `group ${index + 1} of it has ${values} values, and at most ${most} are read at once from a file of its size`,
    );
  }
}

/**
 * Refuses pages that hold more values than their column says, which {@link checkValues} has counted.
 * @param bytes of the file, from `start` on
 * @throws Error if there are some
 */
export function checkPages(
  { row_groups }: FileMetaData,
  bytes: ArrayBuffer,
  start: number,
  readHeader: typeof parquetHeader,
): void {
  for (const { meta_data } of row_groups.flatMap(({ columns }) => columns)) {
    if (meta_data === undefined) continue;
    const { data_page_offset, dictionary_page_offset, total_compressed_size, num_values } = meta_data;
    const at = Number(dictionary_page_offset || data_page_offset) - start;
    const length = Number(total_compressed_size);
    if (at < 0 || at + length > bytes.byteLength) continue;
    let values = 0;
    const reader = { view: new DataView(bytes, at, length), offset: 0 };
    while (reader.offset < length - 1) {
      let header: ReturnType<typeof parquetHeader>;
      try {
        header = readHeader(reader);
      } catch {
        // What is no page is not read, or told when it is.
        break;
      }
      // A header may have both, and only one of them is read. Fewer nulls than none would be more values.
      const { data_page_header: first, data_page_header_v2: second } = header;
      values += Math.abs(first?.num_values ?? 0) + Math.abs(second?.num_values ?? 0);
      if (!(values <= Number(num_values)) || !((second?.num_nulls ?? 0) >= 0)) {
        throw new Error(`a column of it says that it has ${num_values} values, and its pages have more`);
      }
      if (!(header.compressed_page_size >= 0)) break;
      reader.offset += header.compressed_page_size;
    }
  }
}

/** Digits behind the point of the widest decimals that programs write (256 bits); the format has no other bound for it. */
const MOST_SCALE = 76;

/**
 * Refuses decimals with a number of digits behind the point that no program writes: each value would become a text of that length.
 * @throws Error naming the column
 */
export function checkScales(schema: readonly SchemaElement[]): void {
  for (const { name, scale = 0, logical_type } of schema) {
    const scales = [scale, logical_type?.type === 'DECIMAL' ? logical_type.scale : 0];
    if (!scales.every((one) => one >= 0 && one <= MOST_SCALE)) {
      throw new Error(
        `its column ${name.slice(0, 100)} has decimals with ${scales.join(' or ')} digits behind the point`,
      );
    }
  }
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
