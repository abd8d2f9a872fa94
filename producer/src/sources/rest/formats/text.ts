import { FatalError, RetryableError } from '@tributary/shared';

/** A body as text, and what a person should know about how it was read. */
export interface DecodedText {
  readonly text: string;
  /** Set where the bytes are not what the API says that they are. */
  readonly doubt?: string;
}

/** Encodings whose every byte means something, so that text in UTF-8 passes for text in them. */
const SINGLE_BYTE = /^(windows-125\d|iso-8859-\d+|macintosh|koi8-[ru]|ibm866)$/;

/** The most common of its characters are as long as those of other charsets; so many in a row are UTF-8 by no accident. */
const PLAINLY_UTF8 = 8;

/**
 * The text of a body. It never holds a replacement character that the API did not send.
 *
 * A byte order mark decides (Encoding Standard, "decode"), or zeros that only UTF-16 has (RFC 4627, section 3); then the charset
 * that the API declares, or the XML document itself (RFC 7303, section 3); then UTF-8 (RFC 8259, section 8.1). Where the
 * declaration is missing or wrong, strict UTF-8 is tried first, and windows-1252 is what is left, as in browsers.
 *
 * @param inHeader the charset that the API names, if it names one
 * @throws RetryableError if the body ends in the middle of a character
 * @throws FatalError if the declared charset is unknown and the bytes are no UTF-8
 */
export function decodeText(bytes: Uint8Array, inHeader: string | undefined): DecodedText {
  const marked = byteOrderMark(bytes);
  if (marked !== undefined) return { text: strictly(marked, bytes) ?? refuse(marked) };

  const declared = inHeader ?? declaredInXml(bytes);
  const charset = declared === undefined ? undefined : canonicalName(declared);
  const wide = unmarkedUtf16(bytes);
  if (wide !== undefined) {
    const text = strictly(wide, bytes) ?? refuse(wide);
    return /^utf-16/.test(charset ?? '') ? { text } : { text, doubt: contradicted(declared, wide) };
  }
  const utf8 = strictly('utf-8', bytes);
  if (declared !== undefined && charset === undefined) {
    if (utf8 === undefined)
      throw new FatalError('charset_unknown', `the API declares the charset "${declared}", which is unknown`);
    return {
      text: utf8,
      doubt: `the API declares the charset "${declared}", which is unknown; the body is UTF-8 and read as such`,
    };
  }
  if (utf8 !== undefined) {
    const isSame = charset === undefined || charset === 'utf-8' || (isAscii(bytes) && charset !== ESCAPED);
    if (isSame) return { text: utf8 };
    if (isRatherUtf8(utf8, charset, bytes)) return { text: utf8, doubt: contradicted(charset, 'UTF-8') };
  }
  if (charset !== undefined && charset !== 'utf-8') return { text: strictly(charset, bytes) ?? refuse(charset) };
  if (endsInACharacter(bytes)) throw new RetryableError('body_cut_off', 'the body ends in the middle of a character');
  const said = charset === undefined ? 'declares no charset' : 'declares the charset utf-8';
  const doubt = `the API ${said}, but the body is no UTF-8; it is read as ${WINDOWS}`;
  return { text: windows1252(bytes), doubt };
}

/** Its characters are told by escapes, so that all of its bytes are ASCII. */
const ESCAPED = 'iso-2022-jp';

const contradicted = (declared: string | undefined, found: string): string =>
  `the API declares ${declared === undefined ? 'no charset' : `the charset ${declared}`}, but the body is ${found} and read as such`;

/** Whether bytes that are UTF-8 are not in the charset that is declared for them. */
function isRatherUtf8(utf8: string, charset: string, bytes: Uint8Array): boolean {
  if (charset === ESCAPED) return false;
  // Bytes of UTF-16 that begin without a zero are letters of other alphabets, and seldom UTF-8.
  if (SINGLE_BYTE.test(charset) || /^utf-16/.test(charset)) return true;
  return strictly(charset, bytes) === undefined || (utf8.match(/[^\0-\x7f]/g)?.length ?? 0) >= PLAINLY_UTF8;
}

const WINDOWS = 'windows-1252';

/** What bytes 0x80 to 0x9f mean (Encoding Standard, index windows-1252). */
const FROM_0X80 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

/** Node 20's own decoder leaves 0x80 to 0x9f as they are (nodejs/node#56542). */
function windows1252(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return text.replaceAll(/[\x80-\x9f]/g, (character) => FROM_0X80[character.charCodeAt(0) - 0x80] ?? character);
}

/** The charset of a `Content-Type` header (RFC 9110, section 8.3). */
export const charsetOf = (contentType: string | undefined): string | undefined =>
  /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? '')?.[1];

function strictly(charset: string, bytes: Uint8Array): string | undefined {
  if (charset === WINDOWS) return windows1252(bytes);
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function canonicalName(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

function byteOrderMark(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return undefined;
}

/** JSON, CSV and XML begin with a character of ASCII, which has a zero beside it in UTF-16 only. */
function unmarkedUtf16([first, second, third, fourth]: Uint8Array): string | undefined {
  if (first === undefined || second === undefined) return undefined;
  if (first === 0 && second !== 0) return 'utf-16be';
  // With two more zeros it is UTF-32.
  return first !== 0 && second === 0 && (third !== 0 || fourth !== 0) ? 'utf-16le' : undefined;
}

/** The encoding that an XML declaration names (XML 1.0, section 4.3.3), if the body begins with one. */
function declaredInXml(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x3c || bytes[1] !== 0x3f) return undefined;
  const beginning = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  return /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']/.exec(beginning)?.[1];
}

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);

/** Whether the bytes are UTF-8 but for a last character that is not all there. */
function endsInACharacter(bytes: Uint8Array): boolean {
  return [1, 2, 3].some((missing) => {
    const rest = bytes.subarray(bytes.length - missing);
    const length = lengthOfCharacter(rest[0] ?? 0);
    const isBegun = length > missing && rest.subarray(1).every((byte) => byte >= 0x80 && byte < 0xc0);
    return isBegun && strictly('utf-8', bytes.subarray(0, bytes.length - missing)) !== undefined;
  });
}

/** By its first byte (RFC 3629, section 3); 0 if no character begins with it. */
function lengthOfCharacter(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

function refuse(charset: string): never {
  throw new RetryableError(
    'body_not_text',
    `the body holds bytes that are no text in ${charset}, which it says it is in`,
  );
}
