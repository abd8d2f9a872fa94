import { createCipheriv, createDecipheriv } from 'node:crypto';

/** Bytes of the nonce, which stands before the cipher text, and of the tag behind it. */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param place what the text belongs to: it opens with the same one only. @returns nonce, cipher text and tag */
export function closeText(text: string, key: Buffer, nonce: Buffer, place: string): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined for what another key has closed, or another place, or for what was altered */
export function openText(closed: Buffer, key: Buffer, place: string): string | undefined {
  if (closed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  try {
    const nonce = closed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(place)).setAuthTag(closed.subarray(-TAG_BYTES));
    return decipher.update(closed.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}
