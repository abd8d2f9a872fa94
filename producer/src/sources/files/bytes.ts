import { createHash, type Hash } from 'node:crypto';
import type { OpenFile } from './places/place.js';

/** Bytes that are read at a time. */
export const PIECE = 1024 * 1024;

/** The bytes of a file from an offset on, in pieces, up to the size that it had when it was opened. */
export class RawBytes implements AsyncIterable<Buffer> {
  readonly #opened: OpenFile;
  readonly #from: number;
  readonly #signal: AbortSignal;
  readonly #hash: Hash | undefined;
  #end: number;

  constructor(opened: OpenFile, from: number, signal: AbortSignal) {
    this.#opened = opened;
    this.#from = from;
    this.#end = from;
    this.#signal = signal;
    this.#hash = from === 0 ? createHash('sha256') : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    const { size } = this.#opened.file;
    let next = this.#read(this.#from, size);
    try {
      for (;;) {
        const piece = await next;
        if (piece.length === 0) return;
        this.#end += piece.length;
        // The next piece is fetched while this one is worked on.
        next = this.#read(this.#end, size);
        // It is awaited only later. Without a handler Node would report an unhandled rejection.
        next.catch(() => {});
        this.#hash?.update(piece);
        yield piece;
      }
    } finally {
      // The file is closed only when nothing reads in it.
      await next.catch(() => {});
    }
  }

  /** How far it was read, in bytes from the beginning of the file. */
  get end(): number {
    return this.#end;
  }

  /** The SHA-256 of all bytes, in hexadecimal digits; undefined if the reading did not begin with the first. To be called once, at the end. */
  digest(): string | undefined {
    return this.#hash?.digest('hex');
  }

  #read(at: number, size: number): Promise<Buffer> {
    const length = Math.min(PIECE, size - at);
    return length <= 0 ? Promise.resolve(NOTHING) : this.#opened.read(at, length, this.#signal);
  }
}

const NOTHING = Buffer.alloc(0);

/** The SHA-256 of a file, in hexadecimal digits. */
export async function digestOf(opened: OpenFile, signal: AbortSignal): Promise<string | undefined> {
  const bytes = new RawBytes(opened, 0, signal);
  for await (const _piece of bytes);
  return bytes.digest();
}
