import { createHmac, timingSafeEqual } from 'node:crypto';
import { closeText, NONCE_BYTES, openText } from '@tributary/shared';
import type { EncryptionKey, ProtectionKeys } from './keys.js';

const PREFIX = 'enc:';
/** An encrypted value within a text: `enc:2026:…`. */
const ENCRYPTED = /enc:([A-Za-z0-9._-]{1,40}):([A-Za-z0-9_-]{38,})/g;

/**
 * `enc:KEY:` and base64url of nonce, cipher text and tag, by AES-256-GCM. The nonce is derived from the value (as in RFC 8452's idea of a
 * synthetic one): a random one would make the content of a record another one at each poll. So equal values look equal.
 */
export function encrypt(text: string, { id, key, nonceKey }: EncryptionKey): string {
  const closed = closeText(text, key, nonceOf(text, nonceKey), id);
  return `${PREFIX}${id}:${closed.toString('base64url')}`;
}

/** What became of the encrypted values of a text. */
export interface Revealed {
  readonly text: string;
  /** How many values were decrypted. */
  readonly count: number;
  /** Names of keys that are not there, and of those that did not fit. */
  readonly missing: readonly string[];
}

/**
 * A text with its encrypted values in the clear. What cannot be decrypted stays as it is.
 * @param write writes a value as it has to stand in the text; as it is unless given
 */
export function reveal(text: string, { encryption }: ProtectionKeys, write = (clear: string) => clear): Revealed {
  const missing = new Set<string>();
  let count = 0;
  const clear = text.replace(ENCRYPTED, (value, id: string, closed: string) => {
    const key = encryption.find((one) => one.id === id);
    const found = key && decrypt(Buffer.from(closed, 'base64url'), key);
    if (found === undefined) missing.add(id);
    else count += 1;
    return found === undefined ? value : write(found);
  });
  return { text: clear, count, missing: [...missing] };
}

function decrypt(closed: Buffer, { id, key, nonceKey }: EncryptionKey): string | undefined {
  const text = openText(closed, key, id);
  if (text === undefined) return undefined;
  return timingSafeEqual(closed.subarray(0, NONCE_BYTES), nonceOf(text, nonceKey)) ? text : undefined;
}

const nonceOf = (text: string, key: Buffer): Buffer =>
  createHmac('sha256', key).update(text).digest().subarray(0, NONCE_BYTES);
