/**
 * The cells of one line of a part (RFC 4180), without its line end.
 *
 * fast-csv writes the parts but does not read them: it reads a first cell of white space as an empty one (5.0.8), and such a
 * cell may be a key. It also does not say where a line begins. The tests compare this function with what fast-csv writes.
 */
export function splitCells(line: string, separator = ','): string[] {
  if (!line.includes('"')) return line.split(separator);
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const [cell, next] = line[at] === '"' ? quotedCell(line, at, separator) : plainCell(line, at, separator);
    cells.push(cell);
    if (next >= line.length) return cells;
    at = next + 1;
  }
}

/** A cell as it stands in a line: in quotes where it has to be. */
export const quoteCell = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The cell that begins at `at`, and where it ends. */
function plainCell(line: string, at: number, separator: string): [string, number] {
  const found = line.indexOf(separator, at);
  const end = found === -1 ? line.length : found;
  return [line.slice(at, end), end];
}

function quotedCell(line: string, at: number, separator: string): [string, number] {
  let close = line.indexOf('"', at + 1);
  while (close !== -1 && line[close + 1] === '"') close = line.indexOf('"', close + 2);
  if (close === -1) return [line.slice(at + 1).replaceAll('""', '"'), line.length];
  const text = line.slice(at + 1, close).replaceAll('""', '"');
  // fast-csv never writes text after a closing quote; if there is some, it is kept, so that reading loses nothing.
  const [rest, end] = plainCell(line, close + 1, separator);
  return [text + rest, end];
}
