/**
 * Reads one item ahead: the next page is fetched while this one is published, so that API and broker work at the same
 * time. It holds two items at most.
 *
 * @param open begins the sequence; its signal aborts with the outer one, and when the caller stops reading
 * @throws what the sequence throws, after every item before it was yielded
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
      // It is awaited only later. Without a handler Node would report an unhandled rejection.
      next.catch(() => {});
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reading.abort();
    // The request in flight ends before the caller goes on, so no request outlives its run.
    await items.return();
  }
}
