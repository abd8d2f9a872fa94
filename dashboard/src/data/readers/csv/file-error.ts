import { describeError } from '@tributary/shared';

/**
 * Why a file or folder cannot be read, without its path: what viewers are shown names a part, and not where this machine has it. (Node
 * writes "EACCES: permission denied, open '/path'".)
 */
export function describeFileError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { path } = error as NodeJS.ErrnoException;
  if (path !== undefined) return error.message.replace(/, \w+ '.*'$/su, '');
  // A cause would be told with its path.
  return error.cause === undefined ? describeError(error) : error.message;
}
