import { Readable } from 'node:stream';
import * as node from 'node:zlib';
import { createGunzip } from 'node:zlib';
import { unzstd } from '../unzstd.js';

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
      ? unzstd(bytes)
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
