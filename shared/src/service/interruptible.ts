/**
 * The result of a promise, unless the signal aborts first. For waits without an end of their own, such as a command to a
 * Redis that is away.
 *
 * @throws the signal's reason
 */
export async function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // It fails later, when its connection is closed, and then nothing waits for it: an unhandled rejection ends the process.
    work.catch(() => {});
    throw signal.reason;
  }
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
