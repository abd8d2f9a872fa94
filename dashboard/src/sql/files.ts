import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeCell, type Field, quoteCell } from '@tributary/shared';
import { writeParquetFile } from './parquet.js';
import type { Cell, SqlColumn, SqlFormat, SqlQuestion, SqlResult, SqlType } from './port.js';

type TextFormat = Exclude<SqlFormat, 'parquet'>;

/** What a format writes before the rows, for each of them, and behind them. */
interface Writing {
  readonly before: string;
  row(cells: readonly Cell[], index: number): string;
  readonly behind: string;
}

export interface WritingOptions {
  /** Whether texts are kept from being formulas in a spreadsheet, as the pipeline's CSV is. */
  readonly neutraliseFormulas: boolean;
}

const FORMATS = {
  csv: (columns, { neutraliseFormulas }) => {
    const fields = columns.map(({ type }) => fieldOf(type));
    const line = (cells: readonly string[]) => `${cells.map(quoteCell).join(',')}\r\n`;
    const cellOf = (cell: Cell, index: number) => {
      if (cell === null) return '';
      // JSON stands there as its text.
      return encodeCell(cell, fields[index] ?? TEXT, neutraliseFormulas);
    };
    return {
      before: line(columns.map(({ name }) => encodeCell(name, TEXT, neutraliseFormulas))),
      row: (cells) => line(cells.map(cellOf)),
      behind: '',
    };
  },
  ndjson: (columns) => ({ before: '', row: (cells) => `${objectOf(columns, cells)}\n`, behind: '' }),
  json: (columns) => ({
    before: '[',
    row: (cells, index) => `${index === 0 ? '' : ','}\n${objectOf(columns, cells)}`,
    behind: '\n]\n',
  }),
} as const satisfies Record<TextFormat, (columns: readonly SqlColumn[], options: WritingOptions) => Writing>;

/** Characters that are handed over at once. */
const CHUNK = 64 * 1024;

/** A result as the text of a file. */
export async function* textOf(
  { columns, rows }: Pick<SqlResult, 'columns' | 'rows'>,
  format: TextFormat,
  options: WritingOptions,
): AsyncGenerator<string> {
  const { before, row, behind } = FORMATS[format](columns, options);
  let chunk = before;
  let index = 0;
  for await (const batch of rows) {
    for (const cells of batch) {
      chunk += row(cells, index++);
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = '';
    }
  }
  yield chunk + behind;
}

/** @returns how many rows were written */
export async function writeRows(
  result: Pick<SqlResult, 'columns' | 'rows'>,
  file: string,
  format: SqlFormat,
  options: WritingOptions & Pick<SqlQuestion, 'signal' | 'maxBytes'>,
): Promise<number> {
  if (format === 'parquet') return await writeParquetFile(result, file, options);
  let count = 0;
  async function* counted() {
    for await (const batch of result.rows) {
      count += batch.length;
      yield batch;
    }
  }
  const text = textOf({ columns: result.columns, rows: counted() }, format, options);
  await pipeline(Readable.from(text), createWriteStream(file), { signal: options.signal });
  return count;
}

const TEXT: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
/** JSON stands in a cell as the text that it is already. */
const fieldOf = (type: SqlType): Field => ({ ...TEXT, type: type === 'json' ? 'string' : type });

function objectOf(columns: readonly SqlColumn[], cells: readonly Cell[]): string {
  const members = columns.map(
    ({ name, type }, index) => `${JSON.stringify(name)}:${jsonOf(cells[index] ?? null, type)}`,
  );
  return `{${members.join(',')}}`;
}

/** Digits stay as they are: a double would alter some. */
function jsonOf(cell: Cell, type: SqlType): string {
  if (typeof cell === 'string' && (type === 'json' || type === 'decimal' || type === 'integer')) return cell;
  return JSON.stringify(cell);
}
