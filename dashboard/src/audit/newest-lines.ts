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

/** The newest lines of a file, the newest first, each by its beginning. What stands behind the last line break is a line too. */
export async function newestLines(file: FileHandle, limit: number): Promise<LineHead[]> {
  const lines: LineHead[] = [];
  const { size } = await file.stat();
  const block = Buffer.alloc(Math.min(BLOCK, size));
  let line: Buffer = Buffer.alloc(0);
  let length = 0;
  const begin = (part: Buffer) => {
    line = Buffer.concat([part.subarray(0, LONGEST), line]).subarray(0, LONGEST);
    length += part.length;
  };
  const end = () => {
    if (length > 0) lines.push({ text: line.toString('utf8'), isWhole: length <= LONGEST });
    line = Buffer.alloc(0);
    length = 0;
  };
  let from = size;
  while (from > 0 && lines.length < limit) {
    // The beginning of the line is further away: it is not shown.
    if (size - from >= MOST) return lines;
    const wanted = Math.min(BLOCK, from);
    from -= wanted;
    const { bytesRead } = await file.read(block, 0, wanted, from);
    let rest = block.subarray(0, bytesRead);
    for (let at = rest.lastIndexOf(10); at !== -1 && lines.length < limit; at = rest.lastIndexOf(10)) {
      begin(rest.subarray(at + 1));
      end();
      rest = rest.subarray(0, at);
    }
    begin(rest);
  }
  if (lines.length < limit) end();
  return lines;
}
