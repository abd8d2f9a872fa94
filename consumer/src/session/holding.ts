import { fewerRuns, type HeldOfQueue, NumbersOfQueue, PUBLICATION_HEADER, readPublishedAfter } from '@tributary/shared';
import type { Settler } from '../intake/settle.js';

/**
 * What a session holds of a queue at this moment, for the producer that looks for lost messages.
 * @param after the highest number of PUBLISHED_AFTER_HEADER of what it held before
 * @param now by the clock that is never set
 */
export function holdingOf(queue: string, settler: Settler, after: number, now: number): HeldOfQueue {
  const numbers = new NumbersOfQueue(queue);
  let highest = after;
  for (const { properties } of settler.messages) {
    numbers.add(properties.headers?.[PUBLICATION_HEADER]);
    highest = Math.max(highest, readPublishedAfter(properties.headers));
  }
  return {
    records: settler.unsettled,
    oldest: Math.round(now - (settler.oldest?.arrivedAt ?? now)),
    after: highest,
    numbers: Object.fromEntries(numbers.take().map(({ token, runs }) => [token, fewerRuns(runs)])),
  };
}
