import type { EndpointOf } from '@tributary/shared';
import { FileFault } from '../places/place.js';
import { CsvParser } from './csv.js';
import { chooseDialect, columnsIn } from './dialect.js';
import type { Framer, Standing } from './framer.js';
import { beginningOfList, JsonFramer } from './json.js';
import { LineFramer } from './lines.js';
import { ndjsonParser } from './ndjson.js';
import { decoderOf } from './text.js';

type FilesConfig = EndpointOf<'files'>;
export type TextFormat = Exclude<FilesConfig['format'], { type: 'auto' | 'parquet' }>;

/** How the text of a file is read. */
export interface Reading {
  /** Of the text as it is framed: UTF-16 is made UTF-8 before. */
  readonly encoding: string;
  /** The names of the columns, for a person; undefined where none are known. */
  readonly columns: readonly string[] | undefined;
  /** What a person should know. */
  readonly doubts: readonly string[];
  /** @param from where earlier runs stopped; undefined for the beginning */
  framer(from: Standing | undefined): Framer;
}

/** Names that files of a format end in. */
const ENDINGS: Readonly<Record<string, 'csv' | 'json' | 'ndjson' | 'parquet'>> = {
  csv: 'csv',
  tsv: 'csv',
  tab: 'csv',
  psv: 'csv',
  txt: 'csv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  parquet: 'parquet',
  pq: 'parquet',
};

/** The format that a name promises, whatever compression it names too. */
export function formatNamed(name: string): 'csv' | 'json' | 'ndjson' | 'parquet' | undefined {
  const ending = /\.([a-z0-9]+)$/i.exec(name.replace(/\.(gz|gzip|zst|zstd)$/i, ''))?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
}

/**
 * Finds out how the text of a file is to be read.
 * @param head what the text begins with, in UTF-8 or an encoding that has ASCII as it is
 * @param isAll whether that is all of it
 * @throws FileFault if it is not what the settings say
 */
export function readingOf(name: string, head: Buffer, isAll: boolean, encoding: string, config: FilesConfig): Reading {
  const mark = encoding === 'utf-8' && head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  const text = head.toString('latin1', mark);
  const doubts: string[] = [];
  const format = config.format.type === 'auto' ? guess(name, text, doubts) : config.format;
  if (format.type === 'parquet')
    throw new FileFault('not_parquet', 'it is no Parquet file: PAR1 does not stand at its beginning');
  const common = { decode: decoderOf(encoding), encoding, maxSize: config.maxRecordSize };
  const beginning = { at: mark, number: 0 };
  const growing = config.append;
  if (format.type === 'ndjson') {
    return {
      encoding,
      columns: undefined,
      doubts,
      framer: (from = beginning) => new LineFramer({ ...common, growing, from }, ndjsonParser),
    };
  }
  if (format.type === 'json') {
    const start = listIn(text, config.items, isAll);
    return {
      encoding,
      columns: undefined,
      doubts,
      framer: (from = { at: mark + (start ?? 0), number: 0 }) =>
        new JsonFramer({ ...common, from, isInList: start !== undefined }),
    };
  }
  const dialect = chooseDialect(text, isAll, format);
  const delimiter = bytesOf(dialect.delimiter, encoding);
  const quote = dialect.quote === false ? undefined : bytesOf(dialect.quote, encoding);
  const { columns, behind, lines } = columnsIn(text, { delimiter, quote }, format, common.decode, doubts);
  const short = format.short === 'fill';
  const csv = { delimiter, quote, columns, short };
  return {
    encoding,
    columns: typeof columns === 'number' ? undefined : columns,
    doubts,
    framer: (from = { at: mark + behind, number: lines }) =>
      new LineFramer({ ...common, growing, from }, new CsvParser(csv)),
  };
}

const USUAL_CSV = { type: 'csv', delimiter: 'auto', quote: '"', header: true, short: 'refuse' } as const;

/** What a file is by its content; its name decides where that leaves a choice. */
function guess(name: string, text: string, doubts: string[]): TextFormat {
  const named = formatNamed(name);
  if (named === 'parquet')
    throw new FileFault('not_parquet', 'it is named as Parquet and is none: PAR1 does not stand at its beginning');
  const found = jsonIn(text);
  if (named === 'csv' || named === undefined) {
    if (found === undefined) return USUAL_CSV;
    if (named === 'csv') doubts.push(`its name says CSV, and its content is JSON: it is read as ${found}`);
    return { type: found };
  }
  if (text.trim() === '') return { type: named };
  const start = text.trimStart();
  if (!/^[{[]/.test(start))
    throw new FileFault('not_json', `its name says JSON, and it begins with ${JSON.stringify(start.slice(0, 20))}`);
  if (named === 'ndjson' && found === 'json' && start.startsWith('[')) {
    doubts.push('its name says one record a line, and its content is a list: it is read as json');
    return { type: 'json' };
  }
  return { type: named };
}

/** What JSON a text is; undefined if it is none. */
function jsonIn(text: string): 'json' | 'ndjson' | undefined {
  const start = text.trimStart();
  if (!/^[{[]/.test(start)) return undefined;
  const end = start.indexOf('\n');
  const isWhole = isJson(end === -1 ? start : start.slice(0, end));
  if (isWhole && start.startsWith('{')) return 'ndjson';
  if (isWhole && end !== -1 && start.slice(end).trim() !== '') return 'ndjson';
  return /^\[\s*([{\]]|$)|^\{\s*("|$)/.test(start) ? 'json' : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where the list of records begins; undefined if the document is no list, and its values follow each other. */
function listIn(text: string, items: string, isAll: boolean): number | undefined {
  const names = items === '$' ? [] : namesIn(items);
  const found = beginningOfList(text, names);
  if (found === 'none' && names.length === 0) return undefined;
  if (typeof found === 'number') return found;
  if (names.length === 0) return undefined;
  const where = isAll || found === 'none' ? 'in it' : 'within its first megabyte';
  throw new FileFault('items_missing', `there is no list at ${items} ${where}: correct items`);
}

/** Of a path that the check of the file has found to be made of names. */
const namesIn = (path: string): string[] =>
  [...path.slice(1).matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/g)].map(
    ([, plain, quoted]) => plain ?? quoted ?? '',
  );

function bytesOf(text: string, encoding: string): string {
  if (/^[\0-\x7f]*$/.test(text) || encoding === 'utf-8') return Buffer.from(text, 'utf8').toString('latin1');
  const byte = Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).find(
    (one) => decoderOf(encoding)(one) === text,
  );
  if (byte === undefined)
    throw new FileFault('delimiter_unknown', `${JSON.stringify(text)} is no character of ${encoding}`);
  return byte;
}
