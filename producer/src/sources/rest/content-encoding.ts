import { promisify } from 'node:util';
import * as node from 'node:zlib';
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { unzstd } from '../unzstd.js';

type Decode = (bytes: Buffer, limit: number) => Promise<Buffer>;

const zlib =
  (decode: (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>): Decode =>
  (bytes, limit) =>
    decode(bytes, { maxOutputLength: limit });

/** "deflate" is the zlib format (RFC 9110, section 8.4.1.2); some servers send it without its wrapper. */
const deflate: Decode = (bytes, limit) => {
  const isWrapped = ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
  return zlib(promisify(isWrapped ? inflate : inflateRaw))(bytes, limit);
};

/** For Node before 22.15, which has no zstd. */
const ownZstd: Decode = async (bytes, limit) => {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of unzstd([bytes])) {
    size += piece.length;
    if (size > limit) throw new TooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

/** What Node 22.15 and newer have. */
const { zstdDecompress } = node as { readonly zstdDecompress?: typeof brotliDecompress };
const zstd: Decode = zstdDecompress === undefined ? ownZstd : zlib(promisify(zstdDecompress));

class TooLarge extends Error {
  readonly code = 'ERR_BUFFER_TOO_LARGE';
}

/** Content codings (RFC 9110, section 8.4.1; RFC 8878 for zstd). */
const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: zlib(promisify(gunzip)),
  'x-gzip': zlib(promisify(gunzip)),
  br: zlib(promisify(brotliDecompress)),
  zstd,
  deflate,
  identity: async (bytes) => bytes,
};

/** What a request says that it can read. */
export const ACCEPT_ENCODING = 'gzip, br, zstd, deflate';

/**
 * A body without its content codings, asked for or not.
 *
 * @param encoding the `Content-Encoding` header
 * @param limit the largest body that is read, in bytes
 * @throws FatalError if the coding is unknown, or the body is larger than the limit
 * @throws RetryableError if the body is not what the coding says
 */
export async function decodeContent(bytes: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  const codings = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim());
  let decoded = bytes;
  for (const coding of codings.filter((one) => one !== '').reverse()) {
    const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (decode === undefined) {
      const known = Object.keys(DECODERS).join(', ');
      throw new FatalError('encoding_unknown', `the body has the content encoding "${coding}"; known are ${known}`);
    }
    // Some servers name a coding with an empty body.
    if (decoded.length === 0) return decoded;
    decoded = await decode(decoded, limit).catch((cause: unknown) => {
      throw isTooLarge(cause) ? tooLarge(limit) : undecodable(coding, cause);
    });
  }
  return decoded;
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';

const undecodable = (coding: string, cause: unknown): RetryableError =>
  new RetryableError('body_undecodable', `the body is no ${coding}, though it says so: ${describeError(cause)}`, {
    cause,
  });

export const tooLarge = (limit: number): FatalError =>
  new FatalError(
    'body_too_large',
    `the body is larger than ${limit} bytes; ask for smaller pages or raise maxBodySize`,
  );
