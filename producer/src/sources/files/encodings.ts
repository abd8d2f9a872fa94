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

/** Text in UTF-16 as UTF-8, without its mark. */
export async function* inUtf8(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const piece of bytes) yield Buffer.from(decoder.decode(piece, { stream: true }));
  const rest = decoder.decode();
  if (rest !== '') yield Buffer.from(rest);
}

function byteOrderMark([first, second, third]: Buffer): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return undefined;
}

/** CSV and JSON begin with a character of ASCII, which has a zero beside it in UTF-16 only. */
function unmarkedUtf16([first, second, third, fourth]: Buffer): string | undefined {
  if (first === undefined || second === undefined) return undefined;
  if (first === 0 && second !== 0 && third === 0) return 'utf-16be';
  return first !== 0 && second === 0 && third !== 0 && fourth === 0 ? 'utf-16le' : undefined;
}
