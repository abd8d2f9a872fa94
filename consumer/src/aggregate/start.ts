import { ledgerKeys } from '../ledger/keys.js';
import { newWriter } from '../session/new-writer.js';
import type { SessionOptions } from '../session/options.js';
import { Hurry } from './hurry.js';
import { keepAggregates } from './keep.js';

/** The keeping of aggregates in one session. */
export interface Aggregating {
  readonly ended: Promise<void>;
  /** As of RunningSession. */
  calculateNow(): Promise<boolean>;
  end(): void;
}

/** @param abandoned aborted when the session waits for nothing any more */
export function startAggregates(epoch: string, options: SessionOptions, abandoned: AbortSignal): Aggregating {
  const { aggregates, config, sink, instance, clock, log } = options;
  const hurry = new Hurry();
  const over = new AbortController();
  const kept =
    aggregates === undefined
      ? Promise.resolve()
      : keepAggregates({
          aggregates: aggregates.list,
          redis: aggregates.redis,
          keys: ledgerKeys(config.name, epoch),
          sink,
          epoch,
          nameWriter: () => newWriter(instance, clock),
          clock,
          log,
          tell: aggregates.tell,
          hurry,
          signal: AbortSignal.any([over.signal, abandoned]),
        });
  const ended = kept.finally(() => hurry.end());
  return { ended, calculateNow: () => hurry.ask(), end: () => over.abort() };
}
