import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { EncryptionKey, ProtectionKeys } from './keys.js';

const PREFIX = 'enc:';
const NONCE = 12;
const TAG = 16;
/** An encrypted value within a text: `enc:2026:…`. */
const ENCRYPTED = /enc:([A-Za-z0-9._-]{1,40}):([A-Za-z0-9_-]{38,})/g;

/**
 * `enc:KEY:` and base64url of nonce, cipher text and tag, by AES-256-GCM. The nonce is derived from the value (as in RFC 8452's idea of a
 * synthetic one): a random one would make the content of a record another one at each poll. So equal values look equal.
 */
export function encrypt(text: string, { id, key, nonceKey }: EncryptionKey): string {
  const nonce = nonceOf(text, nonceKey);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(id));
  const closed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
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

/** A text with its encrypted values in the clear. What cannot be decrypted stays as it is. */
export function reveal(text: string, { encryption }: ProtectionKeys): Revealed {
  const missing = new Set<string>();
  let count = 0;
  const clear = text.replace(ENCRYPTED, (value, id: string, closed: string) => {
    const key = encryption.find((one) => one.id === id);
    const found = key && decrypt(Buffer.from(closed, 'base64url'), key);
    if (found === undefined) missing.add(id);
    else count += 1;
    return found ?? value;
  });
  return { text: clear, count, missing: [...missing] };
}

function decrypt(closed: Buffer, { id, key, nonceKey }: EncryptionKey): string | undefined {
  const nonce = closed.subarray(0, NONCE);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
    decipher.setAAD(Buffer.from(id)).setAuthTag(closed.subarray(-TAG));
    const text = decipher.update(closed.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
    return timingSafeEqual(nonce, nonceOf(text, nonceKey)) ? text : undefined;
  } catch {
    return undefined;
  }
}

const nonceOf = (text: string, key: Buffer): Buffer =>
  createHmac('sha256', key).update(text).digest().subarray(0, NONCE);
