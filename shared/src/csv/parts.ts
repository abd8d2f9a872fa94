import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readText } from '../service/read-file.js';
import type { Neutralised } from './formulas.js';
import { wholeLines } from './lines.js';
import { splitCells } from './split-cells.js';

/** One CSV file of one writer: `<directory>/<dataset>/part-<writer>-<number>.csv`. */
export interface Part {
  readonly path: string;
  readonly name: string;
  readonly writer: string;
  readonly number: number;
}

const PART_NAME = /^part-(?<writer>.+)-(?<number>\d+)\.csv$/;

export const partName = (writer: string, number: number): string => `part-${writer}-${number}.csv`;

/** A dataset's parts, ordered by writer and number; none if its folder does not exist yet. */
export async function listParts(directory: string, dataset: string): Promise<Part[]> {
  const folder = join(directory, dataset);
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    // A person may have made a folder, or another program a pipe, of this name, perhaps in the place of a part. To open a pipe would
    // wait for ever.
    const isFile = await Promise.all(
      entries.map((entry) => entry.isFile() || (entry.isSymbolicLink() && leadsToFile(join(folder, entry.name)))),
    );
    names = entries.filter((_, index) => isFile[index]).map(({ name }) => name);
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

/** True also of a link that cannot be followed: who reads it tells why. */
const leadsToFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => true,
  );

const NOTES = {
  'formulas neutralised, within texts too': true,
  'formulas neutralised': 'first',
  'formulas plain': false,
} as const satisfies Readonly<Record<string, Neutralised>>;

/** The note that the sink writes about a part when it begins it. */
export const noteOfPart = (directory: string, dataset: string, name: string): string =>
  join(directory, '.tributary', 'begun', dataset, name);

export const writeNote = (neutralised: Neutralised): string =>
  Object.entries(NOTES).find(([, meaning]) => meaning === neutralised)?.[0] ?? '';

/** How a part was written with its formulas neutralised, whatever the configuration says now. */
export async function isNeutralised(
  { directory, neutraliseFormulas }: { readonly directory: string; readonly neutraliseFormulas: boolean },
  dataset: string,
  name: string,
): Promise<Neutralised> {
  const text = await readText(noteOfPart(directory, dataset, name)).catch(() => '');
  // What follows is for the sink.
  const [note = ''] = text.split('\n', 1);
  if (Object.hasOwn(NOTES, note)) return NOTES[note as keyof typeof NOTES];
  return neutraliseFormulas;
}

/** One line of a part: its cells by column. */
export type Line = Readonly<Record<string, string>>;

/**
 * Streams a part's whole lines. A last line without its line end is still being written, or was torn by a crash: to a
 * reader it does not exist yet.
 *
 * @throws Error naming the part and the line if a line does not have as many cells as the header
 */
export async function* readPart(path: string): AsyncGenerator<Line> {
  let header: string[] | undefined;
  for await (const { text, offset } of linesOf(path)) {
    const cells = splitCells(text);
    if (header === undefined) {
      header = cells;
      continue;
    }
    if (cells.length !== header.length) {
      throw new Error(`${path}: the line at byte ${offset} has ${cells.length} cells, its header ${header.length}`);
    }
    yield Object.fromEntries(header.map((name, index) => [name, cells[index] ?? '']));
  }
}

/** The column names of a part; undefined if its header is not whole yet. */
export async function readHeader(path: string): Promise<string[] | undefined> {
  for await (const { text } of linesOf(path)) return splitCells(text);
  return undefined;
}

async function* linesOf(path: string) {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    for await (const lines of wholeLines(file, 0, size)) yield* lines;
  } finally {
    await file.close();
  }
}

/**
 * Where the part's last whole line ends, in bytes from its beginning; what follows is torn or not complete yet.
 * Cells may hold line ends between quotes, so a line end counts only where every quote before it is closed.
 *
 * @param from byte to begin at: 0, or just after a line end
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
