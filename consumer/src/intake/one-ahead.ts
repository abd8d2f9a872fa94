/**
 * Takes items through a step, one item ahead of whoever works on the results: while that one is busy, or waits for an
 * answer, the next item is already on its way. Results come in the order of their items.
 */
export async function* oneAhead<T, R>(items: AsyncIterable<T>, step: (item: T) => Promise<R>): AsyncGenerator<R> {
  const iterator = items[Symbol.asyncIterator]();
  const begin = async (): Promise<{ result: R } | undefined> => {
    const { done, value } = await iterator.next();
    return done === true ? undefined : { result: await step(value) };
  };
  let next = begin();
  for (;;) {
    const present = await next;
    if (present === undefined) return;
    next = begin();
    // It is thrown when its turn comes; if that never does, nobody is left to hear of it.
    next.catch(() => {});
    yield present.result;
  }
}
