import { decodeCell, encodeCell, type Field, guardJson } from '@tributary/shared';
import type { Download } from '../port.js';
import { fetched, type ReadColumn } from './columns.js';
import type { Contents } from './contents.js';
import type { Database, Value } from './database.js';
import { checkPart, isTextColumn, type PartFile } from './part-file.js';

export interface DownloadOptions {
  readonly where: string;
  readonly values: readonly Value[];
  readonly neutraliseFormulas: boolean;
  readonly database: Database;
  readonly signal: AbortSignal;
}

const TEXT: Field = { type: 'string', optional: false, maxLength: Number.MAX_SAFE_INTEGER };

/** The rows of a selection in the order in which they were read, as of now; the cells as the sink would write them. */
export async function downloadOf(
  { table, parts }: Contents,
  columns: readonly ReadColumn[],
  { where, values, neutraliseFormulas, database, signal }: DownloadOptions,
): Promise<Download> {
  const texts = columns.map(({ stored: { text } }) => fetched(text)).join(', ');
  const found = await database.stream(`SELECT ${texts} FROM ${table.name} WHERE ${where}`, values, signal);
  const kinds = columns.map(({ column, whole }) => ({ isText: isTextColumn(column.name, table.dataset), whole }));
  // Looked up, not searched for: a part with ten thousand columns would take their square for each row.
  const byName = new Map(columns.map(({ column }, index) => [column.name, kinds[index]]));

  const encode = (text: string | null, index: number): string => {
    if (text === null || text === '') return '';
    if (kinds[index]?.isText === true) return encodeCell(text, TEXT, neutraliseFormulas);
    return neutraliseFormulas ? guardJson(text) : text;
  };
  return {
    columns: columns.map(({ column }) => column.name),
    rows: rowsOf([...parts], found, encode),
    decode(name, cell) {
      const kind = byName.get(name);
      if (kind?.isText !== true) return kind?.whole(cell);
      return kind.whole(decodeCell(cell, TEXT, neutraliseFormulas) as string);
    },
  };
}

/** @throws PartReplacedError if a part is another file than the one whose rows these are: they may be the other's no more */
async function* rowsOf(
  parts: readonly PartFile[],
  found: AsyncIterable<(string | null)[][]>,
  encode: (text: string | null, index: number) => string,
): AsyncGenerator<string[]> {
  try {
    for await (const rows of found) for (const row of rows) yield row.map(encode);
  } finally {
    for (const part of parts) await checkPart(part);
  }
}
