import { splitCells, wholeLines } from '@tributary/shared';
import type { VersionPlace } from '../port.js';
import type { Ask, Line } from '../query/dialect.js';
import { openPart, type PartFile } from './part-file.js';

/**
 * Where rows are.
 * @param found each with `part`, `piece`, `first`, `row` (its rowid) and `written`, in milliseconds
 */
export async function placesOf(
  ask: Ask,
  table: string,
  parts: readonly PartFile[],
  found: readonly Line[],
): Promise<VersionPlace[]> {
  const batches = await batchesOf(ask, table, found);
  return await Promise.all(
    found.map(async ({ row, part }) => {
      const own = batches.find(({ rows }) => rows.includes(Number(row)));
      const file = parts.find(({ number }) => number === Number(part));
      if (own === undefined || file === undefined) return { place: '', writer: null, batch: null };
      const [, writer = null] = /^part-(.+)-\d+\.csv$/.exec(file.name) ?? [];
      const record = own.records[own.rows.indexOf(Number(row))] ?? 0;
      const offset = await offsetOf(file, record);
      const batch = { rows: own.last - own.first + 1, records: [own.first, own.last] as const };
      return { place: `${file.name}, record ${record}, at byte ${offset}`, writer, batch };
    }),
  );
}

/**
 * Rows that were written to the same part together: they follow each other and have the same time. Two writes within one
 * millisecond look like one.
 */
async function batchesOf(ask: Ask, table: string, found: readonly Line[]) {
  if (found.length === 0) return [];
  const pairs = new Set(found.map(({ part, written }) => `(${Number(part)}, ${Number(written)})`));
  const rows = found.map(({ row }) => Number(row)).join(', ');
  const batches = await ask(
    `WITH asked(part, ms) AS (VALUES ${[...pairs].join(', ')}),
      near AS (
        SELECT rowid AS row, part, piece, first, ms
          FROM (SELECT rowid, part, piece, first, epoch_ms(written) AS ms FROM ${table}) JOIN asked USING (part, ms)),
      begins AS (SELECT piece, min(rowid) AS begin FROM ${table} WHERE piece IN (SELECT piece FROM near) GROUP BY piece),
      numbered AS (SELECT row, part, ms, first + row - begin + 1 AS record FROM near JOIN begins USING (piece)),
      islands AS (SELECT *, record - row_number() OVER (PARTITION BY part, ms ORDER BY record) AS island FROM numbered)
     SELECT min(record) AS first, max(record) AS last, list(row ORDER BY row) FILTER (row IN (${rows})) AS rows,
            list(record ORDER BY row) FILTER (row IN (${rows})) AS records
       FROM islands GROUP BY part, ms, island`,
  );
  return batches.map((one) => ({
    first: Number(one.first),
    last: Number(one.last),
    rows: numbers(one.rows),
    records: numbers(one.records),
  }));
}

const numbers = (list: unknown): number[] => (Array.isArray(list) ? list.map(Number) : []);

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
