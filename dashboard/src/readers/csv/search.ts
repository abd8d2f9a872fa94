import { splitCells } from '@tributary/shared';
import type { Contents } from './contents.js';
import { NumberColumn } from './number-column.js';
import type { PartHeader } from './part-file.js';
import { readRows } from './read-rows.js';

/** Searches whose results are kept. Someone who types, pages and watches repeats the same one again and again. */
const KEPT = 8;

/**
 * What searches found, by row. A row never changes, so a result is kept and extended by the rows that came since:
 * the first search reads every part once, its repetitions only what is new.
 */
export class Searches {
  readonly #found = new Map<string, NumberColumn>();

  /** @returns 1 for each row that matches and 0 for others; undefined if nothing is searched for */
  async find(contents: Contents, search: string, signal: AbortSignal): Promise<NumberColumn | undefined> {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return undefined;
    const found = this.#recall(words.join(' '));
    const { count } = contents.index;
    while (found.length < count) {
      const first = found.length;
      for await (const { header, rows, lines } of readRows(contents, range(first, count), signal)) {
        // The same search runs for someone else too, and was quicker: go on from where it has come to.
        if (rows[0] !== found.length) break;
        for (const line of lines) found.push(Number(lineMatches(line, header, words)));
      }
    }
    return found;
  }

  #recall(search: string): NumberColumn {
    const found = this.#found.get(search) ?? new NumberColumn((length) => new Uint8Array(length));
    // The last used moves to the end, so the first is the one to forget.
    this.#found.delete(search);
    this.#found.set(search, found);
    const [oldest] = this.#found.keys();
    if (this.#found.size > KEPT && oldest !== undefined) this.#found.delete(oldest);
    return found;
  }
}

function lineMatches(line: string, header: PartHeader, words: readonly string[]): boolean {
  const text = line.toLowerCase();
  // Most lines fall here, and need not be taken apart.
  if (!words.every((word) => text.includes(word.replaceAll('"', '""')))) return false;
  const cells = splitCells(text);
  const searched = header.searched.map((index) => cells[index]).join('\n');
  return words.every((word) => searched.includes(word));
}

function* range(from: number, to: number): Generator<number> {
  for (let number = from; number < to; number++) yield number;
}
