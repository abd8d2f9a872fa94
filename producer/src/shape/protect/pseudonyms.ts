import { createHmac, hash } from 'node:crypto';

/** Hex digits: 128 bits, so that two values never share one. */
const PSEUDONYM = 32;

/** Bytes that SHA-256 takes at a time, and that it makes: B and L of RFC 2104. */
const BLOCK = 64;
const DIGEST = 32;

/** Bytes of a text, at most, that two hashes are made of. Few values that are hashed are longer. */
const MOST_BYTES = 512;
/** What a UTF-16 code unit takes in UTF-8, at most. */
const UNIT_BYTES = 3;

/**
 * Makes the first half of the HMAC-SHA-256 of a text, in hex, out of two hashes, as RFC 2104 defines it. For each text, `createHmac` would make
 * objects that belong to OpenSSL, which take longer to make and to collect than to hash with.
 */
export function compilePseudonym(key: Buffer): (text: string) => string {
  const short = key.length > BLOCK ? hash('sha256', key, 'buffer') : key;
  const inner = masked(short, 0x36, MOST_BYTES);
  const outer = masked(short, 0x5c, DIGEST);
  /** Views of `inner`, by their lengths. */
  const beginnings: Buffer[] = [];
  return (text) => {
    if (text.length * UNIT_BYTES > MOST_BYTES) {
      return createHmac('sha256', key).update(text).digest('hex').slice(0, PSEUDONYM);
    }
    const end = BLOCK + inner.write(text, BLOCK);
    beginnings[end] ??= inner.subarray(0, end);
    // As text: a Buffer for each digest takes longer to make than the digest.
    outer.write(hash('sha256', beginnings[end], 'binary'), BLOCK, 'binary');
    // The value must not stay in memory when its record is gone.
    for (let at = BLOCK; at < end; at++) inner[at] = 0;
    return hash('sha256', outer, 'hex').slice(0, PSEUDONYM);
  };
}

/** A block of the key and the mask, and room behind it; in memory of its own, which no other Buffer shares. */
function masked(key: Buffer, mask: number, room: number): Buffer {
  const bytes = Buffer.alloc(BLOCK + room, mask);
  for (const [at, byte] of key.entries()) bytes[at] = byte ^ mask;
  return bytes;
}
