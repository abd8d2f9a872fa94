import { createHmac, randomBytes, scryptSync } from 'node:crypto';
import { closeText, NONCE_BYTES, openText } from '@tributary/shared';

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
    close: (text, place) => VERSION + closeText(text, key, randomBytes(NONCE_BYTES), place).toString('base64url'),
    open(sealed, place) {
      if (!sealed.startsWith(VERSION)) return undefined;
      return openText(Buffer.from(sealed.slice(VERSION.length), 'base64url'), key, place);
    },
  };
}
