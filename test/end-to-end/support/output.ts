import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseString } from 'fast-csv';

const SYSTEM_COLUMNS = ['_key', '_hash', '_version', '_message_id', '_deleted', '_written_at'];

/** A line of a CSV part: its cells by column, what was done about formulas undone. */
export interface OutputRow {
  readonly part: string;
  readonly key: string;
  readonly hash: string;
  readonly version: string;
  readonly messageId: string;
  readonly deleted: boolean;
  /** The dataset's own columns. */
  readonly cells: Readonly<Record<string, string>>;
}

/** The names of a dataset's parts; none if there is no such folder. */
export function partsOf(folder: string, dataset: string): string[] {
  try {
    return readdirSync(join(folder, dataset)).filter((name) => /^part-.+-\d+\.csv$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Every row of a dataset, part by part, read as anybody with a CSV library would.
 * @throws Error naming the part that is torn, has no header or two, or holds bytes that are no text
 */
export async function readRows(folder: string, dataset: string): Promise<OutputRow[]> {
  const rows: OutputRow[] = [];
  for (const part of partsOf(folder, dataset)) {
    const bytes = readFileSync(join(folder, dataset, part));
    // Named, but not yet written to.
    if (bytes.length === 0) continue;
    if (!isUtf8(bytes)) throw new Error(`${part} is not UTF-8`);
    rows.push(...(await rowsOfCsv(part, bytes.toString())));
  }
  return rows;
}

/** The rows of one CSV file. @param part its name */
export async function rowsOfCsv(part: string, text: string): Promise<OutputRow[]> {
  if (!text.endsWith('\r\n')) throw new Error(`${part} ends within a line: ...${text.slice(-60)}`);
  const [header = [], ...lines] = await parse(text);
  if (SYSTEM_COLUMNS.some((column) => !header.includes(column))) throw new Error(`${part} has no header: ${header}`);
  return lines.map((line) => {
    if (line.length !== header.length) throw new Error(`${part}: ${line.length} cells under ${header.length} columns`);
    if (line.every((cell, index) => cell === header[index])) throw new Error(`${part} has two headers`);
    return rowOf(part, header, line);
  });
}

function parse(text: string): Promise<string[][]> {
  return new Promise((resolve, reject) => {
    const lines: string[][] = [];
    parseString<string[], string[]>(text, { headers: false })
      .on('data', (line: string[]) => lines.push(line))
      .on('error', reject)
      .on('end', () => resolve(lines));
  });
}

function rowOf(part: string, header: readonly string[], line: readonly string[]): OutputRow {
  const all = Object.fromEntries(header.map((column, index) => [column, withoutQuote(line[index] ?? '')]));
  const cells = Object.fromEntries(Object.entries(all).filter(([column]) => !SYSTEM_COLUMNS.includes(column)));
  const { _key = '', _hash = '', _version = '', _message_id = '', _deleted } = all;
  return {
    part,
    key: _key,
    hash: _hash,
    version: _version,
    messageId: _message_id,
    deleted: _deleted === 'true',
    cells,
  };
}

/** Undoes the ' that stands before what a spreadsheet would run as a formula, also when quotes stood there before. */
const withoutQuote = (cell: string): string => (/^'+[=+\-@\t\r\n＝＋－＠]/.test(cell) ? cell.slice(1) : cell);

/** The rows of each key, oldest first: by version, then by message id; of a merged row, by those of either side in turn. */
export function historyOf(rows: readonly OutputRow[]): Map<string, OutputRow[]> {
  const histories = new Map<string, OutputRow[]>();
  for (const row of rows) histories.set(row.key, [...(histories.get(row.key) ?? []), row]);
  for (const history of histories.values()) history.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  return histories;
}

function orderOf({ version, messageId }: OutputRow): string {
  const ids = messageId.split(' ');
  return version
    .split(' ')
    .map((one, index) => `${one} ${ids[index]}`)
    .join(' ');
}
