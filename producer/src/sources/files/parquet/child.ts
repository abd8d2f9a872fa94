/**
 * The process in which Parquet files are read, one after the other; see readers.ts, which starts it. Whoever ends the reading ends it, and it
 * never outlives its parent for long.
 */
import { getHeapStatistics } from 'node:v8';
import { describeError, watchMemory } from '@tributary/shared';
import { type Found, type Piece, type Reading, Rows } from './rows.js';

/** What it is sent. It answers to `open` with what it found, to `next` with a piece, or that there is none any more. */
export type Asked =
  | { readonly open: Reading }
  | { readonly next: true }
  /** The bytes that it asked for. */
  | { readonly id: number; readonly bytes: Uint8Array };

/** Bytes of the file that it needs before it answers. */
export interface Needed {
  readonly id: number;
  readonly read: { readonly at: number; readonly length: number };
}

export type Answer =
  | { readonly found: Found }
  | { readonly piece: Piece | undefined }
  /** What is wrong with the file. */
  | { readonly fault: string };

// Ctrl-C in a terminal reaches every process of it. The parent ends first what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));

// Pages are unpacked outside of the heap, and texts that begin as the one before may come to any length there.
watchMemory((2 * getHeapStatistics().heap_size_limit) / 1024 ** 2);

const waiting = new Map<number, (bytes: Uint8Array) => void>();
let reads = 0;
let pieces: AsyncGenerator<Piece, void, undefined> | undefined;

const read = (at: number, length: number): Promise<Uint8Array> =>
  new Promise((resolve) => {
    const id = reads++;
    waiting.set(id, resolve);
    process.send?.({ id, read: { at, length } } satisfies Needed);
  });

const answerTo = async (asked: { open: Reading } | { next: true }): Promise<Answer> => {
  try {
    if ('next' in asked) {
      const next = await pieces?.next();
      return { piece: next?.value ?? undefined };
    }
    pieces = undefined;
    const rows = await Rows.open(asked.open, read);
    pieces = rows.pieces();
    return { found: rows.found };
  } catch (error) {
    return { fault: describeError(error) };
  }
};

process.on('message', (asked: Asked) => {
  if ('bytes' in asked) {
    const { id, bytes } = asked;
    waiting.get(id)?.(bytes);
    waiting.delete(id);
    return;
  }
  void answerTo(asked).then((answer) => process.send?.(answer));
});
