import type { FileHandle } from 'node:fs/promises';

/** Bytes that are read at once. */
const BLOCK = 1024 * 1024;
/** Bytes from the end that are read at most. A line may hold two bodies of megabytes, and must not hide what was done before. */
const MOST = 256 * BLOCK;
/** Bytes of a line that are kept: all of it but for bodies of records, which come last. */
const LONGEST = 64 * 1024;

/** The beginning of a line. */
export interface LineHead {
  readonly text: string;
  readonly isWhole: boolean;
}

/**
 * The lines of a file from its end, the newest first, each by its beginning. What stands behind the last line break is a line too. It
 * ends where the beginning of a line is further away than {@link MOST}: what lies before is not shown.
 */
export async function* linesFromEnd(file: FileHandle): AsyncGenerator<LineHead> {
  const { size } = await file.stat();
  const block = Buffer.alloc(Math.min(BLOCK, size));
  let line: Buffer = Buffer.alloc(0);
  let length = 0;
  const begin = (part: Buffer) => {
    line = Buffer.concat([part.subarray(0, LONGEST), line]).subarray(0, LONGEST);
    length += part.length;
  };
  const end = (): LineHead | undefined => {
    const found = length === 0 ? undefined : { text: line.toString('utf8'), isWhole: length <= LONGEST };
    line = Buffer.alloc(0);
    length = 0;
    return found;
  };
  let from = size;
  while (from > 0) {
    if (size - from >= MOST) return;
    const wanted = Math.min(BLOCK, from);
    from -= wanted;
    const { bytesRead } = await file.read(block, 0, wanted, from);
    let rest = block.subarray(0, bytesRead);
    for (let at = rest.lastIndexOf(10); at !== -1; at = rest.lastIndexOf(10)) {
      begin(rest.subarray(at + 1));
      const found = end();
      if (found !== undefined) yield found;
      rest = rest.subarray(0, at);
    }
    begin(rest);
  }
  const found = end();
  if (found !== undefined) yield found;
}
