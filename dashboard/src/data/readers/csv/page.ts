import type { ClippedCell, RowPage } from '../port.js';
import { type IndexedParts, readRows } from './read-rows.js';
import type { CellReader } from './values.js';

/** The values of rows, in the order asked for; the parts are read in the order of their lines. */
export async function readPage(
  contents: IndexedParts,
  readers: readonly CellReader[],
  rows: readonly number[],
  signal: AbortSignal,
): Promise<Pick<RowPage, 'rows' | 'clipped'>> {
  const positions = new Map(rows.map((row, position) => [row, position]));
  const page: unknown[][] = rows.map(() => []);
  const clipped: ClippedCell[] = [];
  const ascending = [...rows].sort((a, b) => a - b);
  for await (const { header, rows: numbers, lines } of readRows(contents, ascending, signal)) {
    const places = readers.map(({ column }) => header.columns.indexOf(column.name));
    for (const [index, line] of lines.entries()) {
      const cells = header.cells(line);
      const position = positions.get(numbers[index] ?? -1) ?? 0;
      const closed = cells[header.deleted] === 'true';
      page[position] = readers.map(({ column, read }, number) => {
        const cell = cells[places[number] ?? -1];
        // A tombstone's own columns hold nothing, and neither does a column that came after the part.
        if (cell === undefined || (closed && !column.system)) return null;
        const { value, length } = read(cell);
        if (length !== undefined) clipped.push({ row: position, column: column.name, length });
        return value;
      });
    }
  }
  return { rows: page, clipped };
}

/** The cells of rows as they stand in the parts, under one set of columns. */
export async function* readCells(
  contents: IndexedParts,
  columns: readonly string[],
  rows: Iterable<number>,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  for await (const { header, lines } of readRows(contents, rows, signal)) {
    const places = columns.map((name) => header.columns.indexOf(name));
    for (const line of lines) {
      const cells = header.cells(line);
      yield places.map((place) => cells[place] ?? '');
    }
  }
}
