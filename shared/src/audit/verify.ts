import type { FileHandle } from 'node:fs/promises';
import { describeError, FatalError } from '../errors.js';
import { openFile } from '../service/read-file.js';
import { AuditChain, type ChainFault, type ChainPlace } from './chain.js';
import { type AuditHead, readHead } from './head.js';
import { auditLines } from './lines.js';

/** What an audit log's chain tells of it. */
export interface AuditFindings {
  readonly lines: number;
  /** Lines from before there was a chain: changes to them are found since the first line that names them. */
  readonly older: number;
  /** Lines behind that without a link: torn by a crash, or written by an older version. Later lines hold them. */
  readonly without: number;
  readonly faults: readonly ChainFault[];
  /** Bytes behind the last line break. */
  readonly torn: number;
  /**
   * What the note beside the log says of its end: `fits`; `none` if there is none, so that lines cut off cannot be missed; `cut` if it tells
   * of more lines than there are; `other` if it tells of other lines.
   */
  readonly end: 'fits' | 'none' | 'cut' | 'other';
  /** Lines that were cut off, where `end` is `cut`. */
  readonly cut: number;
  /** Whether the place that was asked for is in the log; null if none was. */
  readonly hasExpected: boolean | null;
  /** The end, to be noted elsewhere. */
  readonly place: ChainPlace;
}

/**
 * Reads an audit log from its beginning.
 * @param expected a place that was noted at an earlier time
 * @throws FatalError if there is no log, or none that can be read
 */
export async function verifyAuditLog(path: string, expected?: ChainPlace): Promise<AuditFindings> {
  const head = await readHead(path);
  let file: FileHandle;
  try {
    file = await openFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const chain = new AuditChain(undefined, expected);
    let read = 0;
    for await (const line of auditLines(file, 0)) {
      chain.take(line);
      read = line.end;
    }
    const { size } = await file.stat();
    return { ...told(chain, head), torn: size - read, hasExpected: expected === undefined ? null : chain.hasSeen };
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await file.close();
  }
}

function unreadable(path: string, error: unknown): FatalError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const why = WHY[code] ?? describeError(error);
  return new FatalError('audit_unreadable', `the audit log ${path} cannot be read: ${why}`);
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file: name it, or set AUDIT_LOG as the dashboard has it',
  EISDIR: 'it is a folder: name the file in it',
  EACCES: 'this user may not read it',
};

function told(chain: AuditChain, head: AuditHead | undefined) {
  const { lines, older, without, faults, place } = chain;
  const cut = head === undefined ? 0 : Math.max(0, head.number - place.number);
  const end = head === undefined ? 'none' : cut > 0 ? 'cut' : chain.knows(head) ? 'fits' : 'other';
  return { lines, older, without, faults, place, end, cut } as const;
}

/** Whether nothing was found that no writer has left so. */
export const isWhole = ({ faults, end, hasExpected }: AuditFindings): boolean =>
  faults.length === 0 && end !== 'cut' && end !== 'other' && hasExpected !== false;
