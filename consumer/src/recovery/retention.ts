import { type Clock, describeError, type Logger, type RetentionConfig, redisPrefix } from '@tributary/shared';
import { nextEpoch } from '../erase/erase.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';

export interface RetentionOptions {
  readonly redis: Pick<LedgerRedis, 'get' | 'set'>;
  readonly pipeline: string;
  readonly retention: RetentionConfig;
  readonly sink: Pick<Sink, 'epoch' | 'beginEpoch' | 'forgetHistory' | 'hasOldStates'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface WatchRetentionOptions extends RetentionOptions {
  /** Whether this consumer is at work. One that has given way (to another pipeline on the output, to a newer configuration) must end no epoch of theirs. */
  readonly isConsuming: () => boolean;
  readonly signal: AbortSignal;
}

/** Milliseconds between two times that what is too old is removed. */
const DAY = 86_400_000;
/** Milliseconds between two looks whether it is time, and between two attempts. */
const LOOK_EVERY = 600_000;
const TRY_AGAIN = 3_600_000;

/**
 * In Redis while nothing has to be removed. It lasts by the clock of Redis, and its loss means no more than that what is too old is looked
 * for once more.
 */
const doneKey = (pipeline: string): string => `${redisPrefix(pipeline)}retention-done`;
/** In Redis while one consumer sees to it. */
const begunKey = (pipeline: string): string => `${redisPrefix(pipeline)}retention-begun`;

/**
 * Removes what is kept no longer, if a day has passed since. Called in an epoch that has begun, before its ledger is rebuilt. It only ever
 * removes what a newer row has replaced, so wherever it ends, the next time goes on. If it fails, the epoch goes on without.
 * @throws WriterLost if the epoch is over
 */
export async function keepRetention(options: RetentionOptions, epoch: string): Promise<void> {
  const { redis, pipeline, retention, sink, clock, log } = options;
  const { history } = retention;
  if (history === undefined) return;
  if (sink.forgetHistory === undefined) {
    log.warn('retention.history is set, and this sink cannot remove older states: they stay');
    return;
  }
  if ((await redis.get(doneKey(pipeline))) !== null) return;
  // It may take hours. Who watches must not end this epoch meanwhile, or it would never be done. If it ends in between, the next epoch goes on.
  await redis.set(begunKey(pipeline), String(clock.now()), 'PX', DAY);
  try {
    const removed = await sink.forgetHistory(epoch, clock.now() - history);
    for (const [from, count] of byDataset(removed))
      log.info({ dataset: from, count }, `retention: ${count} older states of records were removed from ${from}`);
  } catch (error) {
    if (error instanceof WriterLost) throw error;
    log.error(
      { reason: describeError(error) },
      'retention: older states of records could not be removed; it is tried again in an hour',
    );
    await redis.set(begunKey(pipeline), String(clock.now()), 'PX', TRY_AGAIN);
    return;
  }
  await redis.set(doneKey(pipeline), String(clock.now()), 'PX', DAY);
}

/**
 * Once a day begins an epoch, in which {@link keepRetention} is done: no writer may write meanwhile. Where nothing is too old, none is begun: the ledger would be
 * rebuilt for nothing.
 */
export async function watchRetention(options: WatchRetentionOptions): Promise<void> {
  const { redis, pipeline, retention, sink, isConsuming, clock, log, signal } = options;
  const { history } = retention;
  if (history === undefined || sink.forgetHistory === undefined) return;
  for (;;) {
    await clock.sleep(LOOK_EVERY, signal);
    if (signal.aborted) return;
    if (!isConsuming()) continue;
    try {
      const epoch = await sink.epoch();
      if (epoch === undefined || (await redis.get(doneKey(pipeline))) !== null) continue;
      if ((await redis.set(begunKey(pipeline), String(clock.now()), 'PX', TRY_AGAIN, 'NX')) !== 'OK') continue;
      if ((await sink.hasOldStates?.(clock.now() - history)) === false) {
        await redis.set(doneKey(pipeline), String(clock.now()), 'PX', DAY);
        continue;
      }
      log.info('retention: an epoch begins, in which older states of records are removed');
      await sink.beginEpoch(nextEpoch(epoch), true);
    } catch (error) {
      // Redis or the sink is away, which is told by those who need them.
      log.debug({ reason: describeError(error) }, 'retention: it could not be looked whether anything is too old');
    }
  }
}

/** An output may have very many parts. */
function byDataset(removed: Readonly<Record<string, number>>): Map<string, number> {
  const found = new Map<string, number>();
  for (const [place, rows] of Object.entries(removed)) {
    const [name = ''] = place.split('/');
    found.set(name, (found.get(name) ?? 0) + rows);
  }
  return found;
}
