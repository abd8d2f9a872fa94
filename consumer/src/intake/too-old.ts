import type { Clock, Row } from '@tributary/shared';
import type { Ledger } from '../ledger/port.js';
import type { IsTooOld } from '../recovery/row-age.js';

export interface TooOldOptions {
  readonly isTooOld: IsTooOld;
  readonly dataset: string;
  readonly ledger: Pick<Ledger, 'knows'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * The records that are kept no longer, and whose keys have no row: a poll brings again what was removed. A record whose key is known goes on, however old
 * it is: there is a row of it, which must not stay as it was. The time is the earlier one of our clock and the ledger's: one that has jumped ahead would
 * drop what nobody brings again.
 * @throws WriterLost if the ledger is not this writer's any more: then nobody knows which keys are known
 */
export async function findTooOld<T extends { readonly row: Pick<Row, 'key' | 'version' | 'values'> }>(
  incoming: readonly T[],
  { isTooOld, dataset, ledger, clock }: TooOldOptions,
): Promise<ReadonlySet<T>> {
  const now = clock.now();
  const asked = incoming.filter(({ row }) => isTooOld(row, now));
  if (asked.length === 0) return new Set();
  const { known, at } = await ledger.knows(
    dataset,
    asked.map(({ row }) => row.key),
  );
  const time = Math.min(now, at);
  // One of the same key may have come just before it, and has no row yet.
  const young = new Set(incoming.filter(({ row }) => !isTooOld(row, time)).map(({ row }) => row.key));
  return new Set(asked.filter(({ row }, place) => known[place] === false && !young.has(row.key)));
}
