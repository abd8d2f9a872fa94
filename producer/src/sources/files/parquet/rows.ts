import { describeError, stringifyJson } from '@tributary/shared';
import type { FileMetaData } from 'hyparquet';
import { inUnits } from '../../../operate/described.js';
import { Unreadable } from '../../port.js';
import { boundedCompressors, checkHeld, checkPages, checkScales, checkValues, rowsOf, sliceOf } from './bounds.js';
import { isDecimal, isJson, PARSERS, recordOf, takeScale } from './values.js';

/** What a Parquet file is read from, and how. */
export interface Reading {
  readonly size: number;
  /** The row where earlier runs stopped. */
  readonly from: number;
  /** Rows that are read at a time. */
  readonly chunk: number;
  /** The longest record, in bytes of its JSON. */
  readonly maxRecordSize: number;
}

export interface Found {
  readonly columns: readonly string[];
  readonly doubts: readonly string[];
  readonly rows: number;
  /** Whether it has a column of JSON, which may hold numbers that a double would alter. */
  readonly hasJson: boolean;
}

/** Some rows of a file. */
export interface Piece {
  /** The records as a list of JSON; null for one that is bad. */
  readonly json: string;
  /** By their index in the list: what is wrong with those that are bad, and their text. */
  readonly bad: readonly (readonly [index: number, fault: string, text: string])[];
  /** The row behind the last one. */
  readonly at: number;
}

/** Characters of JSON from which on a piece goes to who asked for it: the memory of the reader is not that of the producer. */
const ENOUGH = 4_000_000;

/** Rows, and unpacked bytes of pages, of which no more are read together, unless the settings ask for it. */
const MOST_TOGETHER = 50_000;
const BYTES_TOGETHER = 16_000_000;

/** The rows of a Parquet file. They are read by groups, as it was written: a group has to fit into the memory. */
export class Rows {
  readonly found: Found;
  readonly #reading: Reading;
  readonly #metadata: FileMetaData;
  readonly #scales: ReadonlyMap<string, number>;
  readonly #read: (at: number, length: number) => Promise<Uint8Array>;

  private constructor(
    reading: Reading,
    found: Found,
    metadata: FileMetaData,
    scales: ReadonlyMap<string, number>,
    read: (at: number, length: number) => Promise<Uint8Array>,
  ) {
    this.found = found;
    this.#reading = reading;
    this.#metadata = metadata;
    this.#scales = scales;
    this.#read = read;
  }

  /** @throws Error if it is no Parquet file, or says what cannot be */
  static async open(reading: Reading, read: (at: number, length: number) => Promise<Uint8Array>): Promise<Rows> {
    const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
    const { size } = reading;
    const file = { byteLength: size, slice: (start: number, end = size) => sliceOf(read, size, start, end) };
    const metadata = await parquetMetadataAsync(file);
    const rows = rowsOf(metadata);
    checkValues(metadata, size);
    checkScales(metadata.schema);
    const { children } = parquetSchema(metadata);
    const scales = new Map<string, number>();
    for (const { element, children: parts } of children) {
      const scale = parts.length === 0 ? takeScale(element) : undefined;
      if (scale !== undefined) scales.set(element.name, scale);
    }
    const inexact = metadata.schema.filter((element) => isDecimal(element)).map(({ name }) => name);
    const doubts =
      inexact.length === 0
        ? []
        : [
            `decimals of ${inexact.join(', ')} are read as doubles, which hold 15 to 17 digits: they lie in a list or an object, or as bytes of any length`,
          ];
    const found = {
      columns: children.map(({ element }) => element.name),
      doubts,
      rows,
      hasJson: metadata.schema.some(isJson),
    };
    return new Rows(reading, found, metadata, scales, read);
  }

  /** @throws Error for what cannot be read */
  async *pieces(): AsyncGenerator<Piece, void, undefined> {
    const { rows } = this.found;
    let end = 0;
    for (let at = this.#reading.from; at < rows; at = end) {
      end = Math.min(rows, at + this.#together(at));
      yield* this.#texts(await this.#chunk(at, end), at);
    }
  }

  /** How many rows from one on are read together. A page is unpacked for all of its rows, so that few at a time cost as much as many. */
  #together(at: number): number {
    const { chunk } = this.#reading;
    let behind = 0;
    for (const { num_rows, columns } of this.#metadata.row_groups) {
      behind += Number(num_rows);
      if (at >= behind) continue;
      const bytes = columns.reduce((all, { meta_data }) => all + Number(meta_data?.total_uncompressed_size ?? 0), 0);
      const forARow = bytes / Number(num_rows);
      return forARow > 0
        ? Math.max(chunk, Math.min(behind - at, MOST_TOGETHER, Math.floor(BYTES_TOGETHER / forARow)))
        : chunk;
    }
    return chunk;
  }

  async #chunk(rowStart: number, rowEnd: number) {
    const { parquetReadObjects } = await import('hyparquet');
    const { parquetHeader } = await import('hyparquet/src/column.js');
    const { compressors } = await import('hyparquet-compressors');
    const { size } = this.#reading;
    const metadata = this.#metadata;
    const slice = async (start: number, end = size) => {
      const bytes = await sliceOf(this.#read, size, start, end);
      checkPages(metadata, bytes, start, parquetHeader);
      return bytes;
    };
    const found = await parquetReadObjects({
      file: { byteLength: size, slice },
      metadata,
      compressors: boundedCompressors(compressors),
      parsers: PARSERS,
      rowStart,
      rowEnd,
    });
    checkHeld(found);
    return found;
  }

  *#texts(rows: readonly Readonly<Record<string, unknown>>[], from: number): Generator<Piece, void, undefined> {
    const { chunk, maxRecordSize } = this.#reading;
    let texts: string[] = [];
    let bad: [number, string, string][] = [];
    let length = 0;
    for (const [index, row] of rows.entries()) {
      const record = recordOf(row, this.#scales);
      const text = record instanceof Unreadable ? record : textOf(record, maxRecordSize);
      if (text instanceof Unreadable) bad.push([texts.length, text.fault, text.text]);
      texts.push(text instanceof Unreadable ? 'null' : text);
      length += text instanceof Unreadable ? text.text.length : text.length;
      if (length < ENOUGH && texts.length < chunk && index < rows.length - 1) continue;
      yield { json: `[${texts.join(',')}]`, bad, at: from + index + 1 };
      texts = [];
      bad = [];
      length = 0;
    }
  }
}

function textOf(record: unknown, most: number): string | Unreadable {
  let text: string;
  try {
    text = stringifyJson(record) ?? 'null';
  } catch (error) {
    // No text of JavaScript is that long.
    return new Unreadable(`its record cannot be written as JSON: ${describeError(error)}`, '');
  }
  // A character is a byte at least.
  const isLong = text.length > most || (text.length * 3 > most && Buffer.byteLength(text) > most);
  return isLong ? new Unreadable(`it is longer than ${inUnits(most)} (maxRecordSize)`, text.slice(0, 1_000)) : text;
}
