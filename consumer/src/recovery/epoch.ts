import { randomBytes } from 'node:crypto';
import { type Clock, describeError, type Logger, sinkGenerationKey } from '@tributary/shared';
import { type LedgerKeys, ledgerKeys } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';
import { RebuildLock } from './lock.js';

/** Fills an empty ledger from the sink, under the keys of the epoch that is about to begin. */
export type Rebuild = (keys: LedgerKeys) => Promise<void>;

export interface EpochOptions {
  readonly redis: LedgerRedis;
  readonly pipeline: string;
  readonly sink: Sink;
  /** Names the merges: a ledger of other merges holds other sides. */
  readonly mergeName: string;
  readonly rebuild: Rebuild;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The ledger's present life: from one rebuild to the next loss. */
export interface Epoch {
  readonly name: string;
  readonly keys: LedgerKeys;
}

/**
 * Enters the present epoch. If there is none that is valid, one consumer rebuilds the ledger from the sink in a new epoch,
 * and the others wait for it.
 *
 * An epoch's name says whose state it is: `<sink>.<run of the Redis server>.<merges><random>`. A server that restarted (even
 * from a snapshot, which may lack the last commits), or that serves another sink or other merges, has no valid epoch. Each
 * script checks the name again, because a restart may come between any two of them (prelude.lua).
 *
 * @throws WriterLost if the signal aborts while it waits
 */
export async function enterEpoch(options: EpochOptions): Promise<Epoch> {
  const { redis, pipeline, sink, mergeName, clock, log, signal } = options;
  const sinkName = await sink.identity();
  const root = ledgerKeys(pipeline, '').epoch;
  while (!signal.aborted) {
    const run = await serverRun(redis);
    const present = await redis.get(root);
    const prefix = `${sinkName}.${run}.${mergeName}`;
    const entered = await sink.epoch();
    const isOurs = present?.startsWith(prefix) === true;
    if (present !== null && isOurs && entered === present) {
      await warnOfEviction(redis, log);
      return { name: present, keys: ledgerKeys(pipeline, present) };
    }
    const rival = isOurs ? otherRun(entered, run) : undefined;
    if (!(await rebuildUnderLock(options, { present, prefix, rival }))) await clock.sleep(250, signal);
  }
  log.debug('stopped before the ledger was ready');
  throw new WriterLost('lost', 'stopped while waiting for the ledger');
}

/** Redis gives each run of the server a random id. A service that hides it is taken as one that never restarts. */
async function serverRun(redis: LedgerRedis): Promise<string> {
  const info = await redis.info('server');
  return /^run_id:(\w+)/m.exec(info)?.[1]?.slice(0, 16) ?? 'unknown';
}

/**
 * The run of another Redis server whose pipeline has taken the sink. Our Redis holds the epoch that it began with this very
 * sink, and yet the sink is in the epoch of another Redis, so that one has begun later. Two pipelines without a REDIS_URL
 * on the same folder do this to each other.
 */
function otherRun(entered: string | undefined, run: string): string | undefined {
  const theirs = entered?.split('.')[1];
  return theirs === undefined || theirs === run ? undefined : theirs;
}

/** A Redis that may evict keys is a ledger with holes. Nothing can be done about it here, so people are told. */
async function warnOfEviction(redis: LedgerRedis, log: Logger): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  log.warn(
    { policy },
    'Redis may evict keys: duplicates would be written again; set "maxmemory-policy noeviction" (CONFIG SET, or its file)',
  );
}

interface Rebuilding {
  /** The epoch that Redis holds, which is not valid any more. */
  readonly present: string | null;
  /** What the new epoch's name begins with. */
  readonly prefix: string;
  /** The run of another Redis whose pipeline writes to the same output. */
  readonly rival: string | undefined;
}

/** @returns whether the epoch may be there now; false if another consumer is rebuilding it, or this rebuild failed */
async function rebuildUnderLock(options: EpochOptions, { present, prefix, rival }: Rebuilding): Promise<boolean> {
  const { pipeline, sink, rebuild, clock, log } = options;
  const lock = await RebuildLock.take(options);
  if (lock === undefined) return false;
  try {
    const started = clock.monotonic();
    if (present !== null) {
      tellWhyItEnds(present, rival, log);
      await endEpoch(options, present, prefix);
    }
    const name = `${prefix}${randomBytes(6).toString('hex')}`;
    await sink.beginEpoch(name);
    await rebuild(ledgerKeys(pipeline, name));
    if (await lock.publish(ledgerKeys(pipeline, '').epoch, name)) {
      log.info(
        { epoch: name, milliseconds: Math.round(clock.monotonic() - started) },
        'the ledger in Redis was rebuilt from the sink',
      );
    }
    return true;
  } catch (error) {
    log.error({ reason: describeError(error) }, 'the ledger could not be rebuilt from the sink; trying again');
    await clock.sleep(1_000, options.signal);
    return false;
  } finally {
    await lock.release();
  }
}

function tellWhyItEnds(present: string, rival: string | undefined, log: Logger): void {
  if (rival === undefined) {
    const what = 'the ledger in Redis belongs to an earlier run of the server, to another sink, or to other merges';
    log.warn({ previous: present }, what);
    return;
  }
  const remedy =
    'no row is lost or doubled, but they keep taking it from each other; stop one, or give it another output';
  log.warn({ theirs: rival }, `another pipeline, with a Redis of its own, is writing to the same output: ${remedy}`);
}

/** Removes an epoch that is over, and everything under its keys. */
async function endEpoch({ redis, pipeline }: EpochOptions, present: string, prefix: string): Promise<void> {
  const sinkOf = (name: string) => name.slice(0, name.indexOf('.') + 1);
  // This sink lacks what the other one was given, so the cursors of all endpoints are void. They are voided before the epoch
  // is removed, for afterwards nothing tells that there was another sink; to void them twice does no harm.
  if (!present.startsWith(sinkOf(prefix))) await redis.incr(sinkGenerationKey(pipeline));
  await redis.del(ledgerKeys(pipeline, '').epoch);
  await removeKeys(redis, ledgerKeys(pipeline, present).pattern);
}

/** Keys of epochs that were never named here are gone with the server that held them. */
async function removeKeys(redis: LedgerRedis, pattern: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}
