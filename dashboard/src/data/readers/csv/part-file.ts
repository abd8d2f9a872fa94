import { type FileHandle, open, stat } from 'node:fs/promises';
import { type Neutralised, type Part, RetryableError, SYSTEM_COLUMNS } from '@tributary/shared';
import { describeFileError } from './file-error.js';

/** One part, as far as it has been read. */
export interface PartFile {
  /** Its place among the parts, by which the index names it. */
  readonly number: number;
  readonly name: string;
  readonly path: string;
  /** Which file it was: a part that is replaced keeps its path, and nothing else. */
  readonly identity: string;
  /** Bytes it had when last looked at. */
  size: number;
  /** Bytes looked at so far: beyond `end` by a last line that is not whole. */
  read: number;
  /** Just behind the last whole line. */
  end: number;
  /** How the last whole line ends, its line end not included: the sign that what was read is still there. */
  ending: string;
  rows: number;
  header: PartHeader | undefined;
  /** How its cells are neutralised for spreadsheets, whatever the configuration says now; undefined before a row is read. */
  neutralised: Neutralised | undefined;
  /** Why its rows cannot be shown, in words. */
  problem: string | undefined;
  /** Why it cannot be read now, in words; the next look tries again. */
  unreadable: string | undefined;
}

/** The columns of one part, and where those that the reader needs stand. */
export interface PartHeader {
  readonly columns: readonly string[];
  readonly key: number;
  readonly version: number;
  readonly messageId: number;
  readonly deleted: number;
  readonly writtenAt: number;
  /** Where search looks: a dataset's own columns and the key, but not hashes and message ids. */
  readonly searched: readonly number[];
  /** The cells of one line, as the sink would write them by the configuration of now. */
  cells(line: string): string[];
  /** What was to be written in a cell, before it was neutralised for spreadsheets: that is what a person searches. */
  meant(cell: string, index: number): string;
}

export const isSystemColumn = (name: string): boolean => (SYSTEM_COLUMNS as readonly string[]).includes(name);

/** @returns undefined if a system column is missing: then no consumer wrote this file */
export function headerOf(
  columns: readonly string[],
  reading: Pick<PartHeader, 'cells' | 'meant'>,
): PartHeader | undefined {
  if (SYSTEM_COLUMNS.some((name) => !columns.includes(name))) return undefined;
  return {
    columns,
    ...reading,
    key: columns.indexOf('_key'),
    version: columns.indexOf('_version'),
    messageId: columns.indexOf('_message_id'),
    deleted: columns.indexOf('_deleted'),
    writtenAt: columns.indexOf('_written_at'),
    searched: columns.flatMap((name, index) => (name === '_key' || !isSystemColumn(name) ? [index] : [])),
  };
}

/** A part as it is on disk now. */
export interface PartState extends Part {
  readonly identity: string;
  readonly size: number;
}

const identityOf = ({ dev, ino }: { dev: number; ino: number }): string => `${dev}:${ino}`;

/**
 * @returns undefined if it is gone since it was listed. Of one that cannot even be looked at, it says that there is something to
 *   read: the attempt to read it tells why.
 */
export async function inspectPart(part: Part): Promise<PartState | undefined> {
  try {
    const stats = await stat(part.path);
    if (!stats.isFile()) return undefined;
    return { ...part, identity: identityOf(stats), size: stats.size };
  } catch (error) {
    return isMissing(error) ? undefined : { ...part, identity: 'unknown', size: 1 };
  }
}

/** The file that a place in the index refers to is no longer there. What was asked for must be looked up anew. */
export class PartReplacedError extends RetryableError {
  readonly part: string;
  constructor({ name }: PartFile) {
    super('part_replaced', `${name} was replaced while it was read; ask again`);
    this.part = name;
  }
}

/** One part cannot be read. The others can. */
export class PartUnreadableError extends RetryableError {
  readonly part: string;
  constructor({ name }: PartFile, cause: unknown) {
    super('part_unreadable', `${name} cannot be read: ${describeFileError(cause)}`, { cause });
    this.part = name;
  }
}

/**
 * @throws PartReplacedError if the path holds another file now, or none
 * @throws PartUnreadableError
 */
export async function openPart(part: PartFile): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(part.path);
  } catch (error) {
    throw isMissing(error) ? new PartReplacedError(part) : new PartUnreadableError(part, error);
  }
  const identity = await handle.stat().then(identityOf, () => undefined);
  if (identity === part.identity) return handle;
  await handle.close();
  throw new PartReplacedError(part);
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
