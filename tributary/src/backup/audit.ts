import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  alertsFileOf,
  type BackupFiles,
  type BackupFolder,
  describeError,
  FatalError,
  headFileOf,
  queriesFileOf,
  random,
  readText,
  readWhole,
  replaceFile,
  syncFolder,
} from '@tributary/shared';
import { FILES } from './manifest.js';

/** What becomes of the audit log: there is none in the backup, there is none here, or one that is here stays. */
export type AuditFate = 'none' | 'put' | 'goes on' | 'stays';

/**
 * A log that is there is never replaced: one that goes on from that of the backup knows all that it knows.
 * @throws FatalError if another log is there, unless it may stay
 */
export async function fateOfAuditLog(files: BackupFiles, log: string, mayStay: boolean): Promise<AuditFate> {
  const copied = files.under(FILES.audit).find(({ path }) => path === FILES.audit);
  if (copied === undefined) return 'none';
  const size = (await stat(log).catch(() => undefined))?.size ?? 0;
  if (size === 0) return 'put';
  if (size >= copied.bytes && (await hashOf(log, copied.bytes)) === copied.sha256) return 'goes on';
  if (mayStay) return 'stays';
  const message = `this is no empty stack: ${log} is another audit log than that of the backup. Give --replace to keep it and go on, or set AUDIT_LOG to another file; nothing was done`;
  throw new FatalError('stack_not_empty', message);
}

/** What lies beside the log and is no part of it: saved queries and alerts. */
const beside = (log: string, pipelineName: string) => [
  { copied: FILES.queries, path: queriesFileOf(log, pipelineName) },
  { copied: FILES.alerts, path: alertsFileOf(log, pipelineName) },
];

/** @returns what is there and could not be read, in words */
export async function copyBesideLog(into: BackupFolder, log: string, pipelineName: string): Promise<string[]> {
  const left: string[] = [];
  for (const { copied, path } of beside(log, pipelineName)) {
    if (!existsSync(path)) continue;
    const written = await readWhole(path).catch((error: unknown) => {
      left.push(`${path} is not in it: ${describeError(error)}`);
    });
    if (written !== undefined) await into.add(copied, written);
  }
  return left;
}

/**
 * The note of its end first: lines that are written meanwhile come behind it.
 * @returns what is not in it, in words
 */
export async function copyAuditLog(into: BackupFolder, log: string, pipelineName: string): Promise<string[]> {
  const left = await copyBesideLog(into, log, pipelineName);
  const path = headFileOf(log);
  const head = await readText(path).catch((error: NodeJS.ErrnoException) => {
    // Without it, lines that are cut off the end of the copy are not missed.
    if (error.code !== 'ENOENT') left.push(`${path}, the note of the log's end, is not in it: ${describeError(error)}`);
  });
  const size = (await stat(log).catch(() => undefined))?.size;
  if (size === undefined) return [...left, `${log} is not there: the audit log is not in it`];
  await into.add(FILES.audit, size === 0 ? '' : createReadStream(log, { end: size - 1 }));
  if (typeof head === 'string') await into.add(FILES.auditHead, head);
  return left;
}

/** What is there already stays. */
export async function putBesideLog(files: BackupFiles, log: string, pipelineName: string): Promise<void> {
  for (const { copied, path } of beside(log, pipelineName)) {
    if (!files.has(copied) || existsSync(path)) continue;
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, await text(files.read(copied)), 0o600);
  }
}

/** @returns what was done, in words */
export async function putAuditLog(files: BackupFiles, log: string, fate: AuditFate): Promise<string> {
  if (fate === 'put') {
    await mkdir(dirname(log), { recursive: true });
    const temporary = await putAside(log, files);
    const head = files.has(FILES.auditHead) ? await text(files.read(FILES.auditHead)) : undefined;
    // The head first: without its log it is as if lines had been cut off, and the next attempt writes it once more.
    if (head !== undefined) await replaceFile(headFileOf(log), head, 0o600);
    else await rm(headFileOf(log), { force: true });
    await rename(temporary, log);
    await syncFolder(dirname(log));
  }
  return WORDS[fate](log);
}

/** Copies under a name that nobody can guess: who may write into the folder could have put a link there. */
async function putAside(log: string, files: BackupFiles): Promise<string> {
  const temporary = `${log}-${random()}`;
  try {
    await pipeline(files.read(FILES.audit), createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return temporary;
}

const WORDS: Readonly<Record<AuditFate, (log: string) => string>> = {
  none: () => 'the backup holds no audit log',
  put: (log) => `the audit log is in ${log}`,
  'goes on': (log) => `the audit log ${log} goes on from that of the backup: it stays`,
  stays: (log) =>
    `the audit log ${log} is another one than that of the backup: it stays, and that of the backup is where it was`,
};

async function hashOf(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  if (bytes > 0) for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
