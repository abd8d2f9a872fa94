/**
 * Reads one item ahead: the next page is fetched while this one is published, so that API and broker work at the same
 * time. It holds two items at most.
 *
 * @param open begins the sequence; its signal aborts with the outer one, and when nobody reads on
 * @throws what the sequence throws, when its turn comes: every item before it is yielded
 */
export async function* readAhead<T>(
  open: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  signal.throwIfAborted();
  const reading = new AbortController();
  const stop = () => reading.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const items = open(reading.signal);
  try {
    let next = items.next();
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = items.next();
      // Until its turn comes nobody awaits it, and Node would take a failure for one that nobody handles.
      next.catch(() => {});
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reading.abort();
    // What was begun ends before the caller goes on: no request outlives its run.
    await items.return();
  }
}
