import { Readable } from 'node:stream';
import * as node from 'node:zlib';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';

export type Compression = 'none' | 'gzip' | 'zstd';

/** What a file is compressed with, by its first bytes. */
export function compressionOf(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  return 'none';
}

/** Archives of several files, by their first bytes: their name for people; undefined for what is none. */
export function archiveKindOf(head: Buffer): string | undefined {
  const begin = head.toString('latin1', 0, 6);
  if (begin.startsWith('PK\x03\x04')) return 'a zip archive (or an office document)';
  if (begin.startsWith('7z\xbc\xaf\x27\x1c')) return 'a 7z archive';
  if (begin.startsWith('BZh')) return 'compressed with bzip2';
  if (begin.startsWith('\xfd7zXZ')) return 'compressed with xz';
  return head.toString('latin1', 257, 262) === 'ustar' ? 'a tar archive' : undefined;
}

type Unpack = (bytes: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** @throws Error with what the decompressor says, where the bytes are damaged or end early */
export const UNPACK: Readonly<Record<Compression, Unpack>> = {
  none: (bytes) => bytes,
  gzip: (bytes) => through(bytes, createGunzip({ chunkSize: CHUNK })),
  zstd: (bytes) => {
    const { createZstdDecompress } = node as { readonly createZstdDecompress?: typeof createGunzip };
    return createZstdDecompress === undefined
      ? ownZstd(bytes)
      : through(bytes, createZstdDecompress({ chunkSize: CHUNK }));
  },
};

const CHUNK = 256 * 1024;

async function* through(bytes: AsyncIterable<Buffer>, unpacking: node.Gunzip): AsyncGenerator<Buffer> {
  const source = Readable.from(bytes, { objectMode: false, highWaterMark: 1 });
  source.on('error', (error) => unpacking.destroy(error));
  source.pipe(unpacking);
  try {
    for await (const piece of unpacking) yield piece as Buffer;
  } finally {
    source.destroy();
    unpacking.destroy();
  }
}

/** For Node before 22.15, which has no zstd. It does not check the checksum of a frame. */
async function* ownZstd(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = [];
  const stream = new Decompress((piece) => {
    if (piece.length > 0) pieces.push(Buffer.from(piece));
  });
  let isFirst = true;
  // Each push must know whether it is the last.
  let held: Buffer | undefined;
  for await (const piece of bytes) {
    if (isFirst && windowOf(piece) > LARGEST_WINDOW) {
      throw new Error('it wants a window of more than 128 MB (compress it without --long or --ultra)');
    }
    isFirst = false;
    if (held !== undefined) stream.push(held, false);
    held = Buffer.from(piece);
    yield* pieces.splice(0);
  }
  if (held !== undefined) stream.push(held, true);
  yield* pieces.splice(0);
}

/** As the usual decompressors have it: a file of some bytes could ask for 2 GB of memory. */
const LARGEST_WINDOW = 128 * 1024 * 1024;

/** How much memory a zstd frame asks for, in bytes (RFC 8878, section 3.1.1). */
function windowOf(head: Buffer): number {
  const [descriptor = 0, window = 0] = head.subarray(4, 6);
  const isSingle = (descriptor & 0x20) !== 0;
  if (!isSingle) return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  // All of it is one segment, whose size stands there.
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const length = [1, 2, 4, 8][descriptor >> 6] ?? 1;
  if (head.length < at + length) return 0;
  return length === 8 ? Number(head.readBigUInt64LE(at)) : head.readUIntLE(at, length) + (length === 2 ? 256 : 0);
}
