import {
  compileCell,
  compileOwnValue,
  type Dataset,
  decodeCell,
  type Field,
  isClosing,
  type Line,
  type Neutralised,
  ownValue,
  type Payload,
  type Row,
  rememberPart,
  runsOf,
  SYSTEM_COLUMNS,
} from '@tributary/shared';
import { writeToString } from 'fast-csv';
import type { LandedRow } from '../port.js';

const TEXT: Field = { type: 'string', optional: false, maxLength: Number.MAX_SAFE_INTEGER };

export const headerOf = (dataset: Dataset): string[] => [...Object.keys(dataset.columns), ...SYSTEM_COLUMNS];

/** Cells that stand beside each other in a line, some of which need quotes. What lines have in common is formatted once for all of them. */
interface Special {
  readonly cells: readonly string[];
  /** Whether the first cell gets quotes. */
  readonly isBlank: boolean;
  /** Undefined until fast-csv has formatted it. */
  text: string | undefined;
}

/** A piece of a line: its text, if no cell needs quotes. */
type Piece = string | Special;

/** A line without its end; in pieces if some of it needs quotes. */
export type Formatted = string | readonly Piece[];

/** How rows of a dataset are written, in the order of the header; compiled once. */
export function compileLine(dataset: Dataset, neutraliseFormulas: boolean): (row: Row, writtenAt: string) => Formatted {
  // Keys and versions come from outside too: a key may be a formula as well as any field.
  const text = compileCell(TEXT, neutraliseFormulas);
  const systemCells = (row: Row, writtenAt: string): string[] => {
    const { key, hash, version, messageId } = row;
    return [text(key), hash, text(version), text(messageId), String(isClosing(row)), writtenAt];
  };
  const all = compileCells(plainColumns(dataset), dataset, neutraliseFormulas);
  const whole = (row: Row, writtenAt: string) => lineOf([...all(row.values), ...systemCells(row, writtenAt)]);
  if (dataset.merged === undefined) return whole;

  const pieces = runsOf(dataset.merged).map(({ part, columns }) => {
    const cellsOf = compileCells(columns, dataset, neutraliseFormulas);
    const make = (values: Values) => pieceOf(cellsOf(values));
    return { part, make: rememberPart(part)(make) };
  });
  return (row, writtenAt) => {
    const { parts } = row;
    if (parts === undefined) return whole(row, writtenAt);
    const system = pieceOf(systemCells(row, writtenAt));
    const line: Piece[] = [];
    let plain = '';
    for (const { part, make } of pieces) {
      const piece = make(parts[part] ?? NOTHING);
      line.push(piece);
      if (typeof piece === 'string') plain += `${piece},`;
    }
    line.push(system);
    if (beginsBlank(line)) return whole(row, writtenAt);
    return typeof system === 'string' && line.every((piece) => typeof piece === 'string') ? plain + system : line;
  };
}

/** A part that a row does not have: there is none. */
const NOTHING: Payload = {};

type Values = Readonly<Record<string, unknown>> | null;

const plainColumns = ({ columns }: Dataset) => Object.keys(columns).map((name) => ({ name, field: name }));

function compileCells(
  columns: readonly { readonly name: string; readonly field: string }[],
  dataset: Dataset,
  neutraliseFormulas: boolean,
): (values: Values) => string[] {
  const cells = columns.map(({ name, field }) => ({
    read: compileOwnValue(field),
    encode: compileCell(dataset.columns[name] ?? TEXT, neutraliseFormulas),
  }));
  return (values) => cells.map(({ read, encode }) => encode(read(values)));
}

/** The number of lines that are formatted at a time, so that memory does not hold a very large write several times. */
const SLICE = 2_000;

/**
 * Formats lines as RFC 4180 says: they end in CR LF. Each line has its end, so that a line without it is known to be torn.
 * Most lines need no quotes and are joined here, because fast-csv costs much more. It formats the pieces that may need them, and all
 * lines come out as it would write them: it looks at each cell by itself.
 */
export async function formatLines(lines: readonly Formatted[]): Promise<Buffer> {
  const slices: Buffer[] = [];
  for (let from = 0; from < lines.length; from += SLICE)
    slices.push(await formatSlice(lines.slice(from, from + SLICE)));
  return Buffer.concat(slices);
}

async function formatSlice(lines: readonly Formatted[]): Promise<Buffer> {
  const special = new Set<Special>();
  for (const line of lines) {
    if (typeof line === 'string') continue;
    for (const piece of line) if (typeof piece !== 'string' && piece.text === undefined) special.add(piece);
  }
  await formatSpecial([...special]);
  let text = '';
  for (const line of lines) text += `${typeof line === 'string' ? line : line.map(textOf).join(',')}\r\n`;
  return Buffer.from(text);
}

const textOf = (piece: Piece): string | undefined => (typeof piece === 'string' ? piece : piece.text);

/** All cells of a line. */
export function lineOf(cells: readonly string[]): Formatted {
  const piece = isBlank(cells[0]) ? { cells, isBlank: true, text: undefined } : pieceOf(cells);
  return typeof piece === 'string' ? piece : [piece];
}

/** Some cells of a line. fast-csv also quotes a bar, and removes NUL. */
function pieceOf(cells: readonly string[]): Piece {
  const text = cells.join(',');
  let commas = 0;
  for (let at = text.indexOf(','); at !== -1; at = text.indexOf(',', at + 1)) commas++;
  const isPlain = commas === cells.length - 1 && !/["\r\n\0|]/.test(text);
  return isPlain ? text : { cells, isBlank: false, text: undefined };
}

/** fast-csv puts NUL between pieces here, which it leaves in no cell. */
async function formatSpecial(pieces: readonly Special[]): Promise<void> {
  for (const quotes of [false, true]) {
    const some = pieces.filter((piece) => piece.isBlank === quotes);
    if (some.length === 0) continue;
    const options = { headers: false, rowDelimiter: '\0', quoteColumns: quotes ? [true] : false };
    const cells = some.map((piece) => [...piece.cells]);
    const texts = (await writeToString(cells, options)).split('\0');
    for (const [at, piece] of some.entries()) piece.text = texts[at];
  }
}

/** Such a line needs quotes: without them fast-csv and other readers take a blank cell at its beginning for an empty one. */
const isBlank = (first = ''): boolean => first !== '' && first.trim() === '';

const beginsBlank = ([first = '']: readonly Piece[]): boolean =>
  isBlank(typeof first === 'string' ? first.slice(0, first.indexOf(',') >>> 0) : first.cells[0]);

/** Reads a line of a part as a row; the opposite of {@link compileLine}. */
export function readLine(line: Line, dataset: Dataset, neutralised: Neutralised): LandedRow {
  const text = (cell: string | undefined) => decodeCell(cell ?? '', TEXT, neutralised) as string;
  return {
    key: text(line._key),
    hash: line._hash ?? '',
    version: text(line._version),
    messageId: text(line._message_id),
    deleted: line._deleted === 'true',
    writtenAt: line._written_at ?? '',
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
