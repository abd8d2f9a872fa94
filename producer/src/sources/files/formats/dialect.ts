import { type EndpointOf, uniqueNames } from '@tributary/shared';
import { FileFault } from '../places/place.js';
import type { Decode } from './text.js';

type CsvFormat = Extract<EndpointOf<'files'>['format'], { type: 'csv' }>;

export interface Dialect {
  readonly delimiter: string;
  readonly quote: string | false;
}

const DELIMITERS = [',', ';', '\t', '|'];
/** Lines that are looked at. */
const SAMPLE = 20;

/** @param text what the file begins with */
export function chooseDialect(text: string, isAll: boolean, { delimiter, quote }: CsvFormat): Dialect {
  if (delimiter !== 'auto') return { delimiter, quote };
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const sample = (isAll ? lines : lines.slice(0, -1)).slice(0, SAMPLE);
  const [first = ''] = sample;
  const counts = (one: string) => sample.map((line) => withoutQuoted(line, quote).split(one).length - 1);
  const scored = DELIMITERS.map((one) => {
    const found = counts(one);
    const inFirst = withoutQuoted(first, quote).split(one).length - 1;
    const same = found.filter((count) => count === inFirst).length;
    return { one, score: inFirst === 0 ? -1 : same * 1_000 + Math.min(inFirst, 999) };
  }).sort((a, b) => b.score - a.score);
  return { delimiter: scored[0] !== undefined && scored[0].score > 0 ? scored[0].one : ',', quote };
}

const withoutQuoted = (line: string, quote: string | false): string =>
  quote === false
    ? line
    : line
        .split(quote)
        .filter((_, index) => index % 2 === 0)
        .join('');

/** The names of the columns, or how many cells the first line has; and where the data begin. */
export function columnsIn(
  text: string,
  dialect: { readonly delimiter: string; readonly quote: string | undefined },
  { header }: CsvFormat,
  decode: Decode,
  doubts: string[],
): { readonly columns: readonly string[] | number; readonly behind: number; readonly lines: number } {
  if (Array.isArray(header)) return { columns: uniqueNames(header, 'there are', doubts), behind: 0, lines: 0 };
  const blank = /^(?:[ \t]*\r?\n)*/.exec(text)?.[0] ?? '';
  const line = firstLine(text.slice(blank.length), dialect);
  if (header === false) return { columns: line.cells.length, behind: 0, lines: 0 };
  if (line.text === '') return { columns: [], behind: text.length, lines: 0 };
  const names = line.cells.map((cell) => decode(cell));
  if (names.includes(undefined))
    throw new FileFault('header_unreadable', 'its first line holds bytes that are no text in its encoding');
  if (line.text.includes('\0'))
    throw new FileFault('header_unreadable', 'its first line holds NUL bytes: it is no text');
  const columns = uniqueNames(
    names.map((name) => (name ?? '').trim()),
    'there are',
    doubts,
  );
  const lines = blank.split('\n').length - 1 + line.text.split('\n').length - (line.text.endsWith('\n') ? 1 : 0);
  return { columns, behind: blank.length + line.text.length, lines };
}

/** The first record, whose quoted cells may hold line ends. */
function firstLine(
  text: string,
  { delimiter, quote }: { readonly delimiter: string; readonly quote: string | undefined },
): { readonly cells: string[]; readonly text: string } {
  let isQuoted = false;
  let end = text.length;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === quote) isQuoted = !isQuoted;
    else if (text[at] === '\n' && !isQuoted) {
      end = at + 1;
      break;
    }
  }
  // A quote that does not close is none.
  if (isQuoted) end = text.indexOf('\n') === -1 ? text.length : text.indexOf('\n') + 1;
  const line = text.slice(0, end);
  if (delimiter.length > 1) return { cells: line.replace(/\r?\n$/, '').split(delimiter), text: line };
  const cells: string[] = [];
  let cell = '';
  let within = false;
  for (const character of line.replace(/\r?\n$/, '')) {
    if (character === quote) within = !within;
    else if (character === delimiter && !within) {
      cells.push(cell);
      cell = '';
    } else cell += character;
  }
  cells.push(cell);
  return { cells, text: line };
}
