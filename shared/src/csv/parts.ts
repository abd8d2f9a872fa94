import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'fast-csv';

/** One CSV file of one writer: `<directory>/<dataset>/part-<writer>-<number>.csv`. */
export interface Part {
  readonly path: string;
  readonly name: string;
  readonly writer: string;
  readonly number: number;
}

const PART_NAME = /^part-(?<writer>.+)-(?<number>\d+)\.csv$/;

export const partName = (writer: string, number: number): string => `part-${writer}-${number}.csv`;

/** A dataset's parts, ordered by writer and number; none if the folder is not there yet. */
export async function listParts(directory: string, dataset: string): Promise<Part[]> {
  const folder = join(directory, dataset);
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .map((name) => ({ name, match: PART_NAME.exec(name)?.groups }))
    .filter((found) => found.match !== undefined)
    .map(({ name, match }) => ({
      name,
      path: join(folder, name),
      writer: match?.writer ?? '',
      number: Number(match?.number),
    }))
    .sort((a, b) => (a.writer === b.writer ? a.number - b.number : a.writer < b.writer ? -1 : 1));
}

/** One line of a part: its cells by column. */
export type Line = Readonly<Record<string, string>>;

/**
 * Streams a part's whole lines. A last line without its line end is still being written, or was torn by a crash:
 * it is not there yet for any reader.
 *
 * @param start byte to begin at, just behind a line end; the header is read all the same
 */
export async function* readPart(path: string, start = 0): AsyncGenerator<Line> {
  const end = await wholeLinesEnd(path);
  if (end <= start) return;
  const header = start === 0 ? undefined : await readHeader(path);
  const rows = createReadStream(path, { start, end: end - 1 }).pipe(
    parse({ headers: header ?? true, strictColumnHandling: false }),
  );
  for await (const row of rows) yield row as Line;
}

/** The column names of a part; undefined if not even its header is whole. */
export async function readHeader(path: string): Promise<string[] | undefined> {
  if ((await wholeLinesEnd(path)) === 0) return undefined;
  const rows = createReadStream(path).pipe(parse({ headers: false, maxRows: 1 }));
  for await (const row of rows) return row as string[];
  return undefined;
}

/**
 * Where the part's last whole line ends, in bytes from its beginning; what lies behind is torn or not yet complete.
 * Cells may hold line ends between quotes, so a line end counts only where every quote before it is closed.
 *
 * @param from byte to begin at: 0, or just behind a line end
 */
export async function wholeLinesEnd(path: string, from = 0): Promise<number> {
  const QUOTE = 0x22;
  const LINE_FEED = 0x0a;
  let position = from;
  let end = from;
  let quoted = false;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: 1024 * 1024 })) {
    const bytes = chunk as Buffer;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index];
      if (byte === QUOTE) quoted = !quoted;
      else if (byte === LINE_FEED && !quoted) end = position + index + 1;
    }
    position += bytes.length;
  }
  return end;
}
