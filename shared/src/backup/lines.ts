import { isMapping } from '../records/own-value.js';
import { textLines } from '../service/text-lines.js';

// Files of a backup that hold many small things have one JSON value a line. What is no text is written as its bytes.

const BYTES = 'base64';

/** Text as it is, and everything else by its bytes. */
export function writeBytes(bytes: Buffer): string | { readonly [BYTES]: string } {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : { [BYTES]: bytes.toString('base64') };
}

export const readBytes = (written: unknown): Buffer =>
  isMapping(written) ? Buffer.from(String(written[BYTES]), 'base64') : Buffer.from(String(written));

export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Reads a file of lines, one at a time. */
export async function* jsonLines<T>(content: AsyncIterable<Buffer>): AsyncGenerator<T, void, undefined> {
  for await (const line of textLines(content)) if (line !== '') yield JSON.parse(line) as T;
}
