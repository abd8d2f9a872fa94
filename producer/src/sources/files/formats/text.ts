import { isUtf8 } from 'node:buffer';

/** Text of bytes that are held one in a character (Latin-1); undefined if they are none in the encoding. */
export type Decode = (bytes: string) => string | undefined;

const NOT_ASCII = /[\x80-\xff]/;

/** @param encoding one that has ASCII as it is, as all but UTF-16 */
export function decoderOf(encoding: string): Decode {
  if (encoding === 'utf-8') {
    return (bytes) => {
      if (!NOT_ASCII.test(bytes)) return bytes;
      const buffer = Buffer.from(bytes, 'latin1');
      return isUtf8(buffer) ? buffer.toString('utf8') : undefined;
    };
  }
  if (encoding === 'windows-1252') return (bytes) => (NOT_ASCII.test(bytes) ? windows1252(bytes) : bytes);
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes) => {
    if (!NOT_ASCII.test(bytes)) return bytes;
    try {
      return decoder.decode(Buffer.from(bytes, 'latin1'));
    } catch {
      return undefined;
    }
  };
}

/** What bytes 0x80 to 0x9f mean (Encoding Standard, index windows-1252). */
const FROM_0X80 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

/** Node 20's own decoder leaves 0x80 to 0x9f as they are (nodejs/node#56542). */
const windows1252 = (bytes: string): string =>
  bytes.replaceAll(/[\x80-\x9f]/g, (character) => FROM_0X80[character.charCodeAt(0) - 0x80] ?? character);
