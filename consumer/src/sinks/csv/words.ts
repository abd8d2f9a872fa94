import { FatalError } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';

/** What a person can do about an error of the file system. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space on it, and writing goes on by itself',
  EDQUOT: 'the disk quota of this user is used up: raise it or free space, and writing goes on by itself',
  EROFS:
    'the file system is read-only: a disk that had an error often becomes so (see dmesg); make it writable, and writing goes on by itself',
  EIO: 'the disk, or the network file system, reports an error: see dmesg; it is tried again',
  EMFILE: 'this process has too many files open: raise its limit (ulimit -n, nofile)',
  ENFILE: 'this machine has too many files open: raise fs.file-max, or find the program that keeps them open',
  EACCES: 'this user may not do that: give it the right to read and write the output folder and all that is in it',
  EPERM:
    'this user, or this file system, may not do that: give it the right to read and write the output folder and all that is in it',
  ENOTDIR: 'a file stands where a folder should be: move it away',
  EISDIR: 'a folder stands where a file should be: move it away',
  ESTALE: 'the network file system has forgotten this file: mount it again',
};

/** An error of the file system in the words of a person, with what the system said. Others are given back as they are. */
export function inWords(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof WriterLost || error instanceof FatalError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const remedy = Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined;
  return remedy === undefined ? error : new Error(`${error.message} (${remedy})`, { cause: error });
}
