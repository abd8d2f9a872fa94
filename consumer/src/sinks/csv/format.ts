import {
  compileCell,
  compileOwnValue,
  type Dataset,
  decodeCell,
  type Field,
  type Line,
  type Neutralised,
  ownValue,
  type Row,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { writeToString } from 'fast-csv';
import type { LandedRow } from '../port.js';

const TEXT: Field = { type: 'string', optional: false, maxLength: Number.MAX_SAFE_INTEGER };

export const headerOf = (dataset: Dataset): string[] => [...Object.keys(dataset.columns), ...SYSTEM_COLUMNS];

/** A row's cells, in the order of the header. */
export type CellFormat = (row: Row, writtenAt: string) => string[];

/** How rows of a dataset are written as cells; compiled once. */
export function compileCells(dataset: Dataset, neutraliseFormulas: boolean): CellFormat {
  const columns = Object.entries(dataset.columns).map(([name, field]) => ({
    read: compileOwnValue(name),
    encode: compileCell(field, neutraliseFormulas),
  }));
  // Keys and versions come from outside too: a key may be a formula as well as any field.
  const text = compileCell(TEXT, neutraliseFormulas);
  return ({ key, hash, version, messageId, values }, writtenAt) => {
    const cells: string[] = [];
    for (const { read, encode } of columns) cells.push(encode(read(values)));
    cells.push(text(key), hash, text(version), text(messageId), String(values === null), writtenAt);
    return cells;
  };
}

/** The number of lines that are formatted at a time, so that memory does not hold a very large write several times. */
const SLICE = 2_000;

/**
 * Formats lines as RFC 4180 says: they end in CR LF. Each line has its end, so that a line without it is known to be torn.
 * Most lines need no quotes and are joined here, because fast-csv costs much more. It formats the others, and all lines come
 * out as it would write them.
 */
export async function formatLines(lines: readonly string[][]): Promise<Buffer> {
  const slices: Buffer[] = [];
  for (let from = 0; from < lines.length; from += SLICE)
    slices.push(await formatSlice(lines.slice(from, from + SLICE)));
  return Buffer.concat(slices);
}

async function formatSlice(lines: readonly string[][]): Promise<Buffer> {
  const texts = lines.map(plainLine);
  const formatted = await formatSpecial(lines.filter((_cells, index) => texts[index] === undefined));
  let next = 0;
  return Buffer.from(texts.map((text) => `${text ?? formatted[next++]}\r\n`).join(''));
}

/** The line of cells that need no quotes; undefined if one of them may need them. fast-csv also quotes a bar, and removes NUL. */
function plainLine(cells: readonly string[]): string | undefined {
  const line = cells.join(',');
  let commas = 0;
  for (let at = line.indexOf(','); at !== -1; at = line.indexOf(',', at + 1)) commas++;
  return commas === cells.length - 1 && !/["\r\n\0|]/.test(line) && !beginsBlank(cells) ? line : undefined;
}

/** The lines one by one, without their ends. fast-csv puts NUL between them, which it leaves in no cell. */
async function formatSpecial(lines: string[][]): Promise<string[]> {
  if (lines.length === 0) return [];
  const quoteColumns = lines.some(beginsBlank) ? [true] : false;
  return (await writeToString(lines, { headers: false, rowDelimiter: '\0', quoteColumns })).split('\0');
}

/** Such a line needs quotes: without them fast-csv and other readers take a blank cell at its beginning for an empty one. */
const beginsBlank = ([first = '']: readonly string[]): boolean => first !== '' && first.trim() === '';

/** Reads a line of a part as a row; the opposite of {@link compileCells}. */
export function readLine(line: Line, dataset: Dataset, neutralised: Neutralised): LandedRow {
  const text = (cell: string | undefined) => decodeCell(cell ?? '', TEXT, neutralised) as string;
  return {
    key: text(line._key),
    hash: line._hash ?? '',
    version: text(line._version),
    messageId: text(line._message_id),
    deleted: line._deleted === 'true',
    get values() {
      const values: Record<string, unknown> = {};
      for (const [name, field] of Object.entries(dataset.columns)) {
        // A part that was written before the column existed has no such cell.
        const cell = ownValue(line, name) as string | undefined;
        const value = cell === undefined ? undefined : decodeCell(cell, field, neutralised);
        if (value !== undefined) values[name] = value;
      }
      return values;
    },
  };
}
