import { setImmediate } from 'node:timers/promises';
import { Decompress } from 'fzstd';

/** Of a frame, as the usual decompressors have it: a file of some bytes could ask for 2 GB of memory. */
const LARGEST_WINDOW = 128 * 1024 * 1024;
/** Of a block, unpacked (RFC 8878, section 3.1.1.2.4). */
const LARGEST_BLOCK = 128 * 1024;
/** The library moves its whole window for each block. Milliseconds after which blocks of next to nothing are refused, and bytes for each of them. */
const PATIENCE = 3_000;
const SLOWEST = 256;
/** Milliseconds of work behind which others have their turn. */
const TURN = 20;

/**
 * Unpacks zstd where Node cannot (before 22.15), one block at a time: four bytes may unpack to 128 KB, so a megabyte handed over at once would fill
 * the memory. It does not check the checksum of a frame.
 * @throws Error for what is damaged, and for what would take too much memory or time
 */
export async function* unzstd(bytes: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = [];
  // The library may reuse the memory of what it gives.
  const stream = new Decompress((piece) => void pieces.push(Buffer.from(piece)));
  let [spent, given] = [0, 0];
  let turn = performance.now();
  for await (const part of partsOf(bytes)) {
    const before = performance.now();
    stream.push(part, false);
    spent += performance.now() - before;
    for (const piece of pieces.splice(0)) {
      given += piece.length;
      if (piece.length > 0) yield piece;
    }
    if (spent > PATIENCE && given / spent < SLOWEST)
      throw new Error('it takes too long to unpack: its blocks hold next to nothing');
    if (performance.now() - turn > TURN) {
      await setImmediate();
      turn = performance.now();
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* pieces.splice(0).filter(({ length }) => length > 0);
}

/** The headers, blocks and checksums of frames, one behind the other (RFC 8878, section 3.1). What is cut off is given as it is. */
async function* partsOf(bytes: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  const taken = new Taken(bytes);
  try {
    for (;;) {
      const magic = await taken.next(4);
      if (magic.length > 0) yield magic;
      if (magic.length < 4) return;
      if (magic.readUInt32LE() >>> 4 === 0x184d2a5) yield* skippable(taken);
      else yield* frame(taken);
    }
  } finally {
    await taken.close();
  }
}

async function* skippable(taken: Taken): AsyncGenerator<Buffer> {
  const size = await taken.next(4);
  yield size;
  if (size.length === 4) yield* taken.pieces(size.readUInt32LE());
}

async function* frame(taken: Taken): AsyncGenerator<Buffer> {
  const first = await taken.next(1);
  const [descriptor = 0] = first;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const rest = await taken.next((isSingle ? 0 : 1) + dictionary + size);
  if (windowOf(rest, isSingle, size) > LARGEST_WINDOW)
    throw new Error('it wants a window of more than 128 MB (compress it without --long or --ultra)');
  yield Buffer.concat([first, rest]);
  for (let isLast = false; !isLast; ) {
    const header = await taken.next(3);
    if (header.length < 3) {
      yield header;
      return;
    }
    const block = header.readUIntLE(0, 3);
    isLast = (block & 1) === 1;
    if (block >> 3 > LARGEST_BLOCK) throw new Error('it has a block of more than 128 KB');
    const isRun = ((block >> 1) & 3) === 1;
    yield Buffer.concat([header, await taken.next(isRun ? 1 : block >> 3)]);
  }
  if ((descriptor & 4) !== 0) yield await taken.next(4);
}

/** How much memory a frame asks for, in bytes (RFC 8878, section 3.1.1.1). */
function windowOf(rest: Buffer, isSingle: boolean, length: number): number {
  const [window = 0] = rest;
  if (!isSingle) return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  // All of it is one segment, whose size stands there.
  const size = rest.subarray(rest.length - length);
  if (length === 8) return size.length < 8 ? 0 : Number(size.readBigUInt64LE());
  return size.length < length ? 0 : size.readUIntLE(0, length) + (length === 2 ? 256 : 0);
}

/** Bytes that come in pieces, as many at a time as are wanted. */
class Taken {
  readonly #pieces: AsyncIterator<Buffer> | Iterator<Buffer>;
  #piece: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Buffer> | Iterable<Buffer>) {
    this.#pieces = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]();
  }

  /** @returns fewer at the end; none for a count of 0 */
  async next(count: number): Promise<Buffer> {
    const found: Buffer[] = [];
    for await (const piece of this.pieces(count)) found.push(piece);
    return found.length === 1 ? (found[0] as Buffer) : Buffer.concat(found);
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async *pieces(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#piece.length === 0) {
        const { value, done } = await this.#pieces.next();
        if (done === true) return;
        this.#piece = value;
        continue;
      }
      const piece = this.#piece.subarray(0, left);
      this.#piece = this.#piece.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}
