import { FatalError, RetryableError } from '@tributary/shared';

/** Connections of one database, as its driver has them. */
export interface Connections<C> {
  /** One that nothing else uses meanwhile, as soon as there is one. */
  open(): Promise<C>;
  /** Ends what runs on it, at once. */
  cancel(connection: C): void;
  /** @param isBroken it must not be used again */
  release(connection: C, isBroken: boolean): void;
  /** What a failure means. */
  faultOf(error: unknown): Error;
}

/**
 * Does work with a connection that no other work uses meanwhile.
 * @param signals each of them breaks it off
 * @throws what `faultOf` makes of a failure, or the reason of the signal that has aborted
 */
export async function withConnection<C, T>(
  connections: Connections<C>,
  signals: readonly AbortSignal[],
  work: (connection: C) => Promise<T>,
): Promise<T> {
  const throwIfAborted = () => {
    for (const signal of signals) signal.throwIfAborted();
  };
  throwIfAborted();
  let connection: C | undefined;
  let isBroken = false;
  let stop = () => {};
  // A connection that is closed may never call back.
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => {
      isBroken = true;
      if (connection !== undefined) connections.cancel(connection);
      reject(new Error('the connection was closed'));
    };
  });
  stopped.catch(() => {});
  for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
  try {
    const opening = connections.open();
    connection = await Promise.race([opening, stopped]).catch((error: unknown) => {
      // It may come when nothing waits for it any more.
      opening.then(
        (late) => connections.release(late, false),
        () => {},
      );
      throw error;
    });
    return await Promise.race([work(connection), stopped]);
  } catch (error) {
    throwIfAborted();
    // One of ours has its meaning, and has cut the connection.
    const isOurs = error instanceof FatalError;
    const fault = isOurs ? error : connections.faultOf(error);
    isBroken ||= isOurs || (fault instanceof RetryableError && fault.code === 'network');
    throw fault;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
    if (connection !== undefined) connections.release(connection, isBroken);
  }
}
