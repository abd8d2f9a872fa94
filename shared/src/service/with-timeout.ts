import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts with another one, or after so many milliseconds with a TimeoutError, as `AbortSignal.timeout` does. In Node 20 the timeout
 * within `AbortSignal.any([signal, AbortSignal.timeout(ms)])` is lost when memory is collected meanwhile, since nothing holds it: what
 * waited for it waits for ever.
 */
export function withTimeout(signal: AbortSignal, milliseconds: number): AbortSignal {
  const either = new AbortController();
  // What has been answered listens until its time is over: Node warns of a leak beyond ten.
  setMaxListeners(0, signal);
  const stop = () => {
    clearTimeout(timer);
    either.abort(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', stop);
    either.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, milliseconds);
  timer.unref();
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return either.signal;
}
