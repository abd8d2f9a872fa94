import { FatalError } from '@tributary/shared';

/** Bytes of an answer with rows: a chunk of them has to fit into the memory. */
export const MOST_BYTES = 256 * 1024 ** 2;

/** Bytes of what a database says of its tables, where a person asks for all of it. */
export const MOST_OF_TABLES = 32 * 1024 ** 2;

/** What a connection is read from. Whatever is put around it, such as TLS, it counts what came. */
interface Stream {
  readonly bytesRead: number;
  destroy(error: Error): unknown;
}

/** Milliseconds between two looks. */
const OFTEN = 50;

/**
 * Waits for an answer, and cuts the connection if it is larger than it may be: a server that sends rows without end, whatever it was asked
 * for, ended the process.
 * @throws FatalError if it is; what the work throws
 */
export async function withinBytes<T>(stream: Stream, most: number, work: () => Promise<T>): Promise<T> {
  const before = stream.bytesRead;
  let fault: FatalError | undefined;
  const timer = setInterval(() => {
    if (fault !== undefined || stream.bytesRead - before <= most) return;
    const message = `its answer is larger than ${most / 1024 ** 2} MB, more than is read at once: lower chunk, or choose fewer columns or tables`;
    fault = new FatalError('answer_too_large', message);
    stream.destroy(fault);
  }, OFTEN);
  try {
    return await work();
  } catch (error) {
    throw fault ?? error;
  } finally {
    clearInterval(timer);
  }
}
