import { isUtf8 } from 'node:buffer';

/** A body as the audit log keeps it: as text, or in base64 if it is not UTF-8. */
export const textOf = (body: Buffer): string =>
  isUtf8(body) ? body.toString('utf8') : `base64:${body.toString('base64')}`;
