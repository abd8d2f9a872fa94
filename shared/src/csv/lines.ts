import type { FileHandle } from 'node:fs/promises';

/** A whole line of a part, and its place in the file. */
export interface WholeLine {
  /** Byte at which it begins. */
  readonly offset: number;
  /** Bytes, with its line end. */
  readonly length: number;
  /** Its text, without the line end. */
  readonly text: string;
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const CHUNK = 1024 * 1024;

/**
 * The whole lines between two bytes of a file, those of one chunk at a time. As for `wholeLinesEnd`, a line end counts only
 * where every quote before it is closed, and a last line without a line end does not exist yet.
 *
 * @param from byte to begin at: 0, or just behind a line end
 * @param to byte to stop at; the file may have grown beyond it
 */
export async function* wholeLines(file: FileHandle, from: number, to: number): AsyncGenerator<WholeLine[]> {
  if (to <= from) return;
  let rest: Buffer = Buffer.alloc(0);
  let restOffset = from;
  let quoted = false;
  for await (const chunk of file.createReadStream({
    start: from,
    end: to - 1,
    highWaterMark: CHUNK,
    autoClose: false,
  })) {
    const buffer: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    const lines: WholeLine[] = [];
    let begin = 0;
    // The rest of the last chunk has been read already; `quoted` says how it ended.
    for (let index = rest.length; index < buffer.length; index++) {
      const byte = buffer[index];
      if (byte === QUOTE) quoted = !quoted;
      else if (byte === LINE_FEED && !quoted) {
        lines.push({ offset: restOffset + begin, length: index + 1 - begin, text: lineText(buffer, begin, index + 1) });
        begin = index + 1;
      }
    }
    restOffset += begin;
    rest = buffer.subarray(begin);
    yield lines;
  }
}

/** The text of the line in `buffer` from `begin` up to `end`, which is just behind its line feed. */
export function lineText(buffer: Buffer, begin: number, end: number): string {
  const last = buffer[end - 2] === CARRIAGE_RETURN && end - 2 >= begin ? end - 2 : end - 1;
  return buffer.toString('utf8', begin, last);
}
