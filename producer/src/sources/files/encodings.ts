/** How a file's text is encoded, and what is framed of it. */
export interface Encoding {
  /** As it is in the file. */
  readonly inFile: string;
  /** As it is framed: UTF-16 is made UTF-8, since line ends of it are no single bytes. */
  readonly framed: string;
}

/** @param head what the text begins with; @param wanted the setting */
export function encodingOf(head: Buffer, wanted: string): Encoding {
  const marked = byteOrderMark(head);
  const inFile = marked ?? (wanted === 'auto' ? (unmarkedUtf16(head) ?? 'utf-8') : new TextDecoder(wanted).encoding);
  return { inFile, framed: isWide(inFile) ? 'utf-8' : inFile };
}

export const isWide = (encoding: string): boolean => encoding.startsWith('utf-16');

/** A byte that stands in no UTF-8: the line that holds it is refused, where a replacement character would hide what was wrong. */
const NO_TEXT = Buffer.from([0xff]);
const HALF = /(\p{Surrogate})/u;

/** Text in UTF-16 as UTF-8, without its mark. A half of a pair without the other, and an odd last byte, become {@link NO_TEXT}. */
export async function* inUtf8(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const isBig = encoding === 'utf-16be';
  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  for await (const piece of bytes) {
    const all = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let end = all.length - (all.length % 2);
    // The other half of a pair may come with the next piece.
    const last = end === 0 ? 0 : isBig ? all.readUInt16BE(end - 2) : all.readUInt16LE(end - 2);
    if (last >= 0xd800 && last < 0xdc00) end -= 2;
    const units = Buffer.from(all.subarray(0, end));
    const text = (isBig ? units.swap16() : units).toString('utf16le');
    rest = all.subarray(end);
    if (text === '') continue;
    yield* wellFormed(isFirst && text.startsWith('\ufeff') ? text.slice(1) : text);
    isFirst = false;
  }
  if (rest.length > 0) yield NO_TEXT;
}

function* wellFormed(text: string): Generator<Buffer> {
  if (!HALF.test(text)) {
    yield Buffer.from(text);
    return;
  }
  for (const part of text.split(HALF)) {
    if (part !== '') yield HALF.test(part) ? NO_TEXT : Buffer.from(part);
  }
}

function byteOrderMark([first, second, third]: Buffer): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return undefined;
}

/** The same bytes with LF for each CR, which ends the lines of some old files. */
export async function* withLineFeeds(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    const copy = Buffer.from(piece);
    for (let at = copy.indexOf(0x0d); at !== -1; at = copy.indexOf(0x0d, at + 1)) copy[at] = 0x0a;
    yield copy;
  }
}

/** CSV and JSON begin with a character of ASCII, which has a zero beside it in UTF-16 only. */
function unmarkedUtf16([first, second, third, fourth]: Buffer): string | undefined {
  if (first === undefined || second === undefined) return undefined;
  if (first === 0 && second !== 0 && third === 0) return 'utf-16be';
  return first !== 0 && second === 0 && third !== 0 && fourth === 0 ? 'utf-16le' : undefined;
}
