import { splitCells, wholeLines } from '@tributary/shared';
import type { VersionPlace } from '../port.js';
import type { Found, Queries } from './database.js';
import { openPart, type PartFile } from './part-file.js';

/**
 * Where rows are.
 * @param found each with `part`, `record` and `written`
 */
export async function placesOf(
  moment: Queries,
  table: string,
  parts: readonly PartFile[],
  found: readonly Found[],
): Promise<VersionPlace[]> {
  const batches = await batchesOf(moment, table, found);
  return await Promise.all(
    found.map(async ({ part, record, written }) => {
      const [number, place] = [Number(part), Number(record)];
      const file = parts.find((one) => one.number === number);
      const name = file?.name ?? '';
      const [, writer = null] = /^part-(.+)-\d+\.csv$/.exec(name) ?? [];
      const offset = file === undefined ? 0 : await offsetOf(file, place);
      const own = batches.find(
        (one) => one.part === number && one.written === written && one.first <= place && place <= one.last,
      );
      const batch = own && { rows: own.last - own.first + 1, records: [own.first, own.last] as const };
      return { place: `${name}, record ${place}, at byte ${offset}`, writer, batch: batch ?? null };
    }),
  );
}

/**
 * Rows that were written to the same part together: they follow each other and have the same time. Two writes within one
 * millisecond look like one.
 */
async function batchesOf({ query }: Queries, table: string, found: readonly Found[]) {
  const pairs = [...new Set(found.map(({ part, written }) => `(${Number(part)}, ${Number(written)})`))];
  if (pairs.length === 0) return [];
  const near = await query<{ part: number; written: bigint; first: bigint; last: bigint }>(
    `WITH asked(part, ms) AS (VALUES ${pairs.join(', ')}),
      near AS (
        SELECT part, ms, record, record - row_number() OVER (PARTITION BY part, ms ORDER BY record) AS island
          FROM (SELECT part, epoch_ms(written) AS ms, record FROM ${table}) JOIN asked USING (part, ms))
     SELECT part, ms AS written, min(record) AS first, max(record) AS last FROM near GROUP BY part, ms, island`,
  );
  return near.map(({ part, written, first, last }) => ({ part, written, first: Number(first), last: Number(last) }));
}

/** The byte at which a record of a part begins. @throws PartReplacedError */
async function offsetOf(part: PartFile, record: number): Promise<number> {
  const mark = part.marks.findLast(({ row }) => row < record);
  const end = part.marks.find(({ row }) => row >= record)?.offset ?? part.end;
  if (mark === undefined) return 0;
  const file = await openPart(part);
  try {
    let row = mark.row;
    let found = 0;
    // To the end: a stream that is left before closes the file.
    for await (const lines of wholeLines(file, mark.offset, end)) {
      for (const { text, offset } of lines) {
        // Lines that are no rows are not counted.
        if (splitCells(text).length === part.header?.columns.length && ++row === record) found = offset;
      }
    }
    return found;
  } finally {
    await file.close();
  }
}
