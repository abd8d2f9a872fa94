import { type FileHandle, open } from 'node:fs/promises';
import { type Dataset, type Neutralised, type Part, RetryableError, SYSTEM_COLUMNS } from '@tributary/shared';
import { fieldsOf, isText } from '../query/columns.js';
import { describeFileError } from './file-error.js';

/** That a line begins at this byte of a part, and how many rows stand before it. */
export interface Mark {
  readonly row: number;
  readonly offset: number;
}

/** Lines that no row could be made of. */
export interface Unreadable {
  readonly count: number;
  /** What is wrong with the first of them. */
  readonly first: string;
}

/** One part, as far as it has been read. */
export interface PartFile {
  /** Its place among the parts, by which the table names it. */
  readonly number: number;
  readonly name: string;
  path: string;
  /** Which file it was: a part that is replaced keeps its path, and nothing else. */
  readonly identity: string;
  /** Bytes it had when last looked at. */
  size: number;
  /** Bytes looked at so far: beyond `end` by a last line that is not whole. */
  read: number;
  /** Just behind the last whole line. */
  end: number;
  /** The bytes before `end`: the sign that what was read is still there. */
  ending: Buffer;
  rows: number;
  lost: Unreadable;
  /** Where some of its rows begin, by which the others are found. */
  marks: Mark[];
  header: PartHeader | undefined;
  /** How its cells are neutralised for spreadsheets, whatever the configuration says now; undefined before a row is read. */
  neutralised: Neutralised | undefined;
  /** Why its rows cannot be shown, in words. */
  problem: string | undefined;
  /** Why it cannot be read now, in words; the next look tries again. */
  unreadable: string | undefined;
}

/** The columns of one part. */
export interface PartHeader {
  readonly columns: readonly string[];
  /** By column: whether its cells are text, which a spreadsheet may take for a formula. */
  readonly isText: readonly boolean[];
}

/** @returns undefined if a system column is missing: then no consumer wrote this file */
export function headerOf(columns: readonly string[], dataset: Dataset): PartHeader | undefined {
  if (SYSTEM_COLUMNS.some((name) => !columns.includes(name))) return undefined;
  const types = new Map(fieldsOf(dataset, columns).map(([name, { type }]) => [name, type]));
  return { columns, isText: columns.map((name) => isText({ name, type: types.get(name) ?? 'string' })) };
}

/** A part as it is on disk now. */
export interface PartState extends Part {
  readonly identity: string;
  readonly size: number;
}

export const unreadPart = ({ name, path, identity, size }: PartState, number: number): PartFile => ({
  number,
  name,
  path,
  identity,
  size,
  read: 0,
  end: 0,
  ending: Buffer.alloc(0),
  rows: 0,
  lost: { count: 0, first: '' },
  marks: [],
  header: undefined,
  neutralised: undefined,
  problem: undefined,
  unreadable: undefined,
});

const identityOf = ({ dev, ino }: { dev: number; ino: number }): string => `${dev}:${ino}`;

/**
 * Opens a part, which is how to learn that it cannot be read any more.
 * @returns undefined if it is gone since it was listed. Of one that cannot be opened, it says that there is something to
 *   read: the attempt to read it tells why.
 */
export async function inspectPart(part: Part): Promise<PartState | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(part.path);
    const stats = await handle.stat();
    if (!stats.isFile()) return undefined;
    return { ...part, identity: identityOf(stats), size: stats.size };
  } catch (error) {
    return isMissing(error) ? undefined : { ...part, identity: 'unknown', size: 1 };
  } finally {
    await handle?.close();
  }
}

/** The file that a row was read from is no longer there. What was asked for must be looked up anew. */
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

/** Reads a part to its end. @throws PartReplacedError, PartUnreadableError */
export async function probe(part: PartFile): Promise<void> {
  const file = await openPart(part);
  try {
    for await (const _chunk of file.createReadStream({ autoClose: false }));
  } catch (error) {
    throw new PartUnreadableError(part, error);
  } finally {
    await file.close();
  }
}

/** @throws PartReplacedError, PartUnreadableError */
export async function checkPart(part: PartFile): Promise<void> {
  // A part that nothing was read of has no rows to be another's.
  if (part.end > 0) await (await openPart(part)).close();
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
