import { open } from 'node:fs/promises';

/** What lies between two line feeds of a file, whatever quotes are open. */
export interface PhysicalLine {
  /** From 1. */
  readonly number: number;
  /** Byte at which it begins. */
  readonly offset: number;
  /** The byte behind its line feed. */
  readonly end: number;
  /** Without its line end. */
  readonly text: string;
  /** How it ends: `` for the last line of a file that does not end in one. */
  readonly lineEnd: '\r\n' | '\n' | '';
}

const CHUNK = 1024 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Reads a file line by line, as far as it reaches now. */
export async function* physicalLines(path: string): AsyncGenerator<PhysicalLine> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    let waiting: Buffer[] = [];
    let offset = 0;
    let number = 0;
    const lineOf = (bytes: Buffer): PhysicalLine => {
      const isEnded = bytes.at(-1) === LINE_FEED;
      const lineEnd = !isEnded ? '' : bytes.at(-2) === CARRIAGE_RETURN ? '\r\n' : '\n';
      const text = bytes.toString('utf8', 0, bytes.length - lineEnd.length);
      const line = { number: ++number, offset, end: offset + bytes.length, text, lineEnd } as const;
      offset = line.end;
      return line;
    };
    for await (const chunk of file.createReadStream({
      end: Math.max(0, size - 1),
      highWaterMark: CHUNK,
      autoClose: false,
    })) {
      const bytes = chunk as Buffer;
      let begin = 0;
      for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, begin)) {
        const piece = bytes.subarray(begin, at + 1);
        yield lineOf(waiting.length === 0 ? piece : Buffer.concat([...waiting, piece]));
        waiting = [];
        begin = at + 1;
      }
      if (begin < bytes.length) waiting.push(bytes.subarray(begin));
    }
    if (waiting.length > 0) yield lineOf(Buffer.concat(waiting));
  } finally {
    await file.close();
  }
}

/** Whether all quotes are closed at the end of this text, if none was open at its beginning. */
export function closesQuotes(text: string): boolean {
  let closed = true;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) closed = !closed;
  return closed;
}
