import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** A whole line of an audit log. It may hold bodies of megabytes, which nobody has to keep. */
export interface AuditLine {
  /** Its first characters. */
  readonly head: string;
  /** SHA-256 of all its bytes, the line break too. */
  readonly digest: Buffer;
  /** Where it ends in the file, in bytes. */
  readonly end: number;
}

/** Bytes that are read at once. */
const BLOCK = 256 * 1024;
/** Bytes of the beginning of a line that are kept. */
const HEAD = 200;

/** The whole lines of a file from a place on. What stands behind the last line break is none: it may still be written. */
export async function* auditLines(file: FileHandle, from: number): AsyncGenerator<AuditLine> {
  const block = Buffer.allocUnsafe(BLOCK);
  let at = from;
  let head = Buffer.alloc(0);
  let hash = createHash('sha256');
  for (;;) {
    const { bytesRead } = await file.read(block, 0, BLOCK, at);
    if (bytesRead === 0) return;
    let rest = block.subarray(0, bytesRead);
    for (let end = rest.indexOf(10) + 1; end > 0; end = rest.indexOf(10) + 1) {
      const part = rest.subarray(0, end);
      at += end;
      yield {
        head: Buffer.concat([head, part.subarray(0, HEAD)]).toString('latin1'),
        digest: hash.update(part).digest(),
        end: at,
      };
      head = Buffer.alloc(0);
      hash = createHash('sha256');
      rest = rest.subarray(end);
    }
    at += rest.length;
    hash.update(rest);
    if (head.length < HEAD) head = Buffer.concat([head, rest.subarray(0, HEAD)]);
  }
}
