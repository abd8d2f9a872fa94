import {
  type Clock,
  describeError,
  type Logger,
  type PipelineConfig,
  redisPrefix,
  seenAgainKey,
} from '@tributary/shared';
import { nextEpoch } from '../erase/erase.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';
import { hasOldRows, type RemovesKeys, removeOldRows } from './old-rows.js';

export interface RetentionOptions {
  readonly redis: Pick<LedgerRedis, 'get' | 'set' | 'del' | 'eval'>;
  readonly config: PipelineConfig;
  readonly sink: Pick<Sink, 'epoch' | 'beginEpoch' | 'forgetHistory' | 'hasOldStates' | 'scan' | 'removeKeys'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with how many rows went from a dataset, and the setting by which. */
  readonly onRemoved?: OnRemoved | undefined;
}

export type OnRemoved = (setting: 'rows' | 'history', dataset: string, rows: number) => void;

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

/** What one setting of `retention` asks for. */
interface Rule {
  readonly setting: 'rows' | 'history';
  /** What goes, for a person. */
  readonly what: string;
  isThere(now: number): Promise<boolean>;
  remove(epoch: string, now: number): Promise<Readonly<Record<string, number>>>;
}

/** The settings that this sink can follow, and in words those that it cannot. */
function rulesOf({ config, sink, redis }: RetentionOptions): { rules: Rule[]; unable: string[] } {
  const { history, rows } = config.retention;
  const { forgetHistory } = sink;
  const rules: Rule[] = [];
  const unable: string[] = [];
  if (rows !== undefined && !removesKeys(sink)) unable.push('retention.rows');
  if (rows !== undefined && removesKeys(sink))
    rules.push({
      setting: 'rows',
      what: 'rows of records that are too old',
      isThere: (now) => hasOldRows(config, sink, now),
      remove: async (epoch, now) => {
        const removed = await removeOldRows(config, sink, epoch, now);
        // Notes for people name keys.
        if (Object.keys(removed).length > 0) await redis.del(seenAgainKey(config.name));
        return removed;
      },
    });
  if (history !== undefined && forgetHistory === undefined) unable.push('retention.history');
  if (history !== undefined && forgetHistory !== undefined)
    rules.push({
      setting: 'history',
      what: 'older states of records',
      // Where nobody can tell, there may be some.
      isThere: async (now) => (await sink.hasOldStates?.(now - history)) ?? true,
      remove: (epoch, now) => forgetHistory.call(sink, epoch, now - history),
    });
  return { rules, unable };
}

const removesKeys = (sink: Pick<Sink, 'scan' | 'removeKeys'>): sink is RemovesKeys => sink.removeKeys !== undefined;

/**
 * The time of day: the earlier one of our clock and that of Redis. A clock that is far ahead would take everything for too old.
 */
async function timeOf({ redis, clock }: Pick<RetentionOptions, 'redis' | 'clock'>): Promise<number> {
  const [seconds, microseconds] = (await redis.eval("return redis.call('TIME')", 0)) as [string, string];
  return Math.min(clock.now(), Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000));
}

/**
 * Removes what is kept no longer, if a day has passed since. Called in an epoch that has begun, before its ledger is rebuilt. Wherever it ends, the next time
 * finds the same, and goes on. If it fails, the epoch goes on without.
 * @throws WriterLost if the epoch is over
 */
export async function keepRetention(options: RetentionOptions, epoch: string): Promise<void> {
  const { redis, clock, log, onRemoved } = options;
  const pipeline = options.config.name;
  const { rules, unable } = rulesOf(options);
  for (const setting of unable) log.warn(`${setting} is set, and this sink cannot remove what it asks for: all stays`);
  if (rules.length === 0) return;
  if ((await redis.get(doneKey(pipeline))) !== null) return;
  // It may take hours. Who watches must not end this epoch meanwhile, or it would never be done. If it ends in between, the next epoch goes on.
  await redis.set(begunKey(pipeline), String(clock.now()), 'PX', DAY);
  try {
    const now = await timeOf(options);
    for (const { setting, what, remove } of rules) {
      for (const [from, count] of byDataset(await remove(epoch, now))) {
        log.info({ dataset: from, count }, `retention: ${count} ${what} were removed from ${from}`);
        onRemoved?.(setting, from, count);
      }
    }
  } catch (error) {
    if (error instanceof WriterLost) throw error;
    log.error(
      { reason: describeError(error) },
      'retention: what is kept no longer could not be removed; it is tried again in an hour',
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
  const { redis, config, sink, isConsuming, clock, log, signal } = options;
  const pipeline = config.name;
  const { rules } = rulesOf(options);
  if (rules.length === 0) return;
  for (;;) {
    await clock.sleep(LOOK_EVERY, signal);
    if (signal.aborted) return;
    if (!isConsuming()) continue;
    let isLooking = false;
    try {
      const epoch = await sink.epoch();
      if (epoch === undefined || (await redis.get(doneKey(pipeline))) !== null) continue;
      if ((await redis.set(begunKey(pipeline), String(clock.now()), 'PX', TRY_AGAIN, 'NX')) !== 'OK') continue;
      isLooking = true;
      const isAny = await isAnyThere(rules, await timeOf(options));
      isLooking = false;
      // It may have taken hours: by now others may have the output, under another name.
      if (!isConsuming() || (await sink.epoch()) !== epoch) continue;
      if (!isAny) {
        await redis.set(doneKey(pipeline), String(clock.now()), 'PX', DAY);
        continue;
      }
      log.info('retention: an epoch begins, in which is removed what is kept no longer');
      await sink.beginEpoch(nextEpoch(epoch), true);
    } catch (error) {
      const reason = describeError(error);
      const what = 'retention: it could not be looked whether anything is too old';
      if (isLooking) log.warn({ reason }, `${what}; it is tried again in an hour`);
      // Redis or the sink is away, which is told by those who need them.
      else log.debug({ reason }, what);
    }
  }
}

async function isAnyThere(rules: readonly Rule[], now: number): Promise<boolean> {
  for (const { isThere } of rules) if (await isThere(now)) return true;
  return false;
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
