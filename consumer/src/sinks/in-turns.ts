import { setImmediate } from 'node:timers/promises';

/** Rows after which others get their turn: nothing may keep a lease from being renewed. */
const AT_A_TIME = 2_000;

/** The same rows. Lets others have their turn now and then. */
export async function* inTurns<T>(rows: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  let count = 0;
  for await (const row of rows) {
    yield row;
    if (++count % AT_A_TIME === 0) await setImmediate();
  }
}
