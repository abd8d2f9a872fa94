import type { Clock } from '@tributary/shared';
import type { Ledger } from '../ledger/port.js';
import type { IsTooOld } from '../recovery/row-age.js';
import type { Incoming } from './decode.js';

export interface TooOldOptions {
  readonly isTooOld: IsTooOld;
  readonly dataset: string;
  readonly ledger: Pick<Ledger, 'knows'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * The records that are kept no longer, and whose keys have no row: a poll brings again what was removed. A record whose key is known goes on, however old
 * it is: there is a row of it, which must not stay as it was.
 * @throws WriterLost if the ledger is not this writer's any more: then nobody knows which keys are known
 */
export async function findTooOld(
  incoming: readonly Incoming[],
  { isTooOld, dataset, ledger, clock }: TooOldOptions,
): Promise<ReadonlySet<Incoming>> {
  const now = clock.now();
  const old = incoming.filter(({ row }) => isTooOld(row, now));
  if (old.length === 0) return new Set();
  const known = await ledger.knows(
    dataset,
    old.map(({ row }) => row.key),
  );
  // One of the same key may have come just before it, and has no row yet.
  const young = new Set(incoming.filter(({ row }) => !isTooOld(row, now)).map(({ row }) => row.key));
  return new Set(old.filter(({ row }, at) => known[at] === false && !young.has(row.key)));
}
