/**
 * Takes items through a step, one item ahead of the caller: while the caller works on a result, or waits for an answer,
 * the step of the next item is already running. Results come in the order of their items.
 */
export async function* oneAhead<T, R>(items: AsyncIterable<T>, step: (item: T) => Promise<R>): AsyncGenerator<R> {
  const iterator = items[Symbol.asyncIterator]();
  const begin = async (): Promise<{ result: R } | undefined> => {
    const { done, value } = await iterator.next();
    return done === true ? undefined : { result: await step(value) };
  };
  try {
    let next = begin();
    for (;;) {
      const present = await next;
      if (present === undefined) return;
      next = begin();
      // Its error is thrown when its turn comes. If the caller stops before, the error must not end the process.
      next.catch(() => {});
      yield present.result;
    }
  } finally {
    // Where a step has failed, the items would never learn that nobody asks for another. It is not waited for: they may be waiting themselves.
    iterator.return?.().catch(() => {});
  }
}
