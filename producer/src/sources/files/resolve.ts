import { createHash } from 'node:crypto';
import { digestOf } from './bytes.js';
import type { Task } from './known.js';
import type { OpenFile } from './places/place.js';

/** Bytes at the beginning of a file by which it is known again when it has grown. */
const HEAD = 65_536;

/** What is to be done with a file, by what it holds. */
export type SettledTask = Exclude<Task, { do: 'compare' | 'follow' }>;

/** What is to be done, where that depends on what the file holds. */
export async function resolveTask(opened: OpenFile, task: Task, signal: AbortSignal): Promise<SettledTask> {
  if (task.do === 'compare') {
    const isSame = (await digestOf(opened, signal)) === task.sha256;
    return isSame
      ? { do: 'nothing' }
      : { do: 'read', why: 'it is another than the one of its name that was read: it is read anew' };
  }
  if (task.do !== 'follow') return task;
  const { head } = task.state;
  const begins = head === undefined ? undefined : await headOf(opened, head.bytes, signal);
  if (begins !== undefined && begins.sha256 === head?.sha256) return { ...task, do: 'continue' };
  return {
    do: 'read',
    why: 'it no longer begins as it did: it is another file, and is read from its beginning. Lines that were added to the one before since the last poll may not have been read',
  };
}

export async function headOf(opened: OpenFile, size: number, signal: AbortSignal) {
  const bytes = Math.min(HEAD, size);
  const head = await opened.read(0, bytes, signal);
  return { bytes, sha256: createHash('sha256').update(head).digest('hex') };
}
