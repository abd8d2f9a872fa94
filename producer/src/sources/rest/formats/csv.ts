import { describeError, RetryableError, uniqueNames } from '@tributary/shared';
import { parse } from 'csv-parse/sync';
import type { BodyFormat } from './format.js';
import { refuseMarkup } from './json.js';

export interface CsvSettings {
  /** One character, or `auto`: found in the first line. */
  readonly delimiter: string;
  /** `true`: the first line names the columns. Otherwise their names, in order. */
  readonly header: true | readonly string[];
}

/** Each line is a record. */
export const csvFormat = (settings: CsvSettings): BodyFormat => ({
  accept: 'text/csv, */*;q=0.5',
  read(answer, excerpt) {
    refuseMarkup(answer, excerpt, 'CSV');
    return { body: undefined, ...recordsInCsv(answer.text, settings) };
  },
});

/** Records of a CSV body, and what a person should know about it. */
export interface CsvRecords {
  readonly records: unknown[];
  readonly doubts: readonly string[];
}

/**
 * The records of a CSV body (RFC 4180, and what is common beside it: other delimiters, LF, blank lines). Each cell is
 * text. A line with more cells than columns costs no other line its place: it becomes a record of its own, the list of its
 * cells, which the consumer dead-letters. In a line with fewer cells the last columns are absent.
 *
 * @throws RetryableError if the body ends inside quotes: it was cut off
 */
export function recordsInCsv(text: string, { delimiter, header }: CsvSettings): CsvRecords {
  const lines = parseLines(text, delimiter === 'auto' ? guessDelimiter(text) : delimiter);
  const doubts: string[] = [];
  const named = header === true ? lines.shift() : header;
  if (named === undefined) return { records: [], doubts };
  const columns = uniqueNames(named, 'the CSV body has', doubts);
  return { records: lines.map((cells) => recordOf(cells, columns)), doubts };
}

function parseLines(text: string, delimiter: string): string[][] {
  try {
    return parse(text, {
      delimiter,
      // Some bodies mix them.
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      // A quote in the middle of a cell is part of it.
      relax_quotes: true,
      skip_empty_lines: true,
    });
  } catch (cause) {
    throw new RetryableError('body_cut_off', `the body is no whole CSV: ${describeError(cause)}`, { cause });
  }
}

const DELIMITERS = [',', ';', '\t', '|'];

/** The delimiter that the first line has most of, outside quotes. */
function guessDelimiter(text: string): string {
  const first = /^(?:"[^"]*"|[^"\r\n])*/.exec(text)?.[0].replaceAll(/"[^"]*"/g, '') ?? '';
  const countOf = (delimiter: string) => first.split(delimiter).length;
  return DELIMITERS.toSorted((one, other) => countOf(other) - countOf(one))[0] ?? ',';
}

/** Cells by their columns; the cells themselves if there are more than columns. */
function recordOf(cells: readonly string[], columns: readonly string[]): unknown {
  if (cells.length > columns.length) return cells;
  const record: Record<string, string> = Object.create(null);
  for (const [index, cell] of cells.entries()) record[columns[index] ?? ''] = cell;
  return record;
}
