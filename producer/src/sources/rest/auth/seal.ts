import { createCipheriv, createDecipheriv, createHmac, randomBytes, scryptSync } from 'node:crypto';

/** Keeps texts secret in a place that others may read. */
export interface Seal {
  /** A name for something whose own name is secret: always the same for the same text, and the text cannot be found out by it. */
  nameOf(text: string): string;
  /** @param place where the text is kept; it opens there only, so that it is of no use elsewhere */
  close(text: string, place: string): string;
  /** @returns undefined for what another secret has closed, or another place, or for what was altered */
  open(sealed: string, place: string): string | undefined;
}

const VERSION = 'v1.';
const NONCE = 12;
const TAG = 16;

/**
 * A seal by AES-256-GCM. Its keys are derived by scrypt, so that a short secret takes long to guess.
 *
 * @param secret from the environment
 * @param pipeline whose texts it closes: another pipeline with the same secret has other keys
 */
export function createSeal(secret: string, pipeline: string): Seal {
  const keys = scryptSync(secret, `tributary ${pipeline}`, 64);
  const key = keys.subarray(0, 32);
  const naming = keys.subarray(32);
  return {
    nameOf: (text) => createHmac('sha256', naming).update(text).digest('base64url'),
    close(text, place) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const closed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return VERSION + closed.toString('base64url');
    },
    open(sealed, place) {
      if (!sealed.startsWith(VERSION)) return undefined;
      const closed = Buffer.from(sealed.slice(VERSION.length), 'base64url');
      if (closed.length < NONCE + TAG) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, closed.subarray(0, NONCE), { authTagLength: TAG });
        decipher.setAAD(Buffer.from(place)).setAuthTag(closed.subarray(-TAG));
        return decipher.update(closed.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        return undefined;
      }
    },
  };
}
