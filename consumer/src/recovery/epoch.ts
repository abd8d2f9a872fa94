import { randomBytes } from 'node:crypto';
import { type Clock, describeError, type Logger, type Redis, sinkGenerationKey } from '@tributary/shared';
import { type LedgerKeys, ledgerKeys, rebuildLockKey } from '../ledger/keys.js';
import { LedgerScripts } from '../ledger/scripts.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';

/** Fills an empty ledger from the sink, under the keys of the epoch to be. */
export type Rebuild = (keys: LedgerKeys) => Promise<void>;

export interface EpochOptions {
  readonly redis: Redis;
  readonly pipeline: string;
  readonly sink: Sink;
  /** Names the merge: a ledger of another has other sides. */
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
  readonly scripts: LedgerScripts;
}

const LOCK_MILLISECONDS = 15_000;

/**
 * An epoch's name says whose state it is: `<sink>.<run of the Redis server>.<merge><random>`. A server that restarted (even
 * from a snapshot, which may lack the last commits), or that serves another sink or merge, has no valid epoch, and the
 * state is rebuilt from the sink.
 * Each script looks at the name again, for a restart may come between any two of them (prelude.lua).
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
    if (present?.startsWith(prefix) && entered === present) {
      await warnOfEviction(redis, log);
      return { name: present, keys: ledgerKeys(pipeline, present), scripts: new LedgerScripts(redis) };
    }
    const other = present?.startsWith(prefix) ? otherRun(entered, run) : undefined;
    if (!(await rebuildUnderLock(options, present, prefix, other))) await clock.sleep(250, signal);
  }
  log.debug('stopped before the ledger was ready');
  throw new WriterLost('lost', 'stopped while waiting for the ledger');
}

/** Redis gives each run of the server a random id. A service that hides it is taken as one that never restarts. */
async function serverRun(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  return /^run_id:(\w+)/m.exec(info)?.[1]?.slice(0, 16) ?? 'unknown';
}

/**
 * Our Redis holds the epoch that it began with this very sink, and yet the sink is in one of another Redis: somebody has begun
 * that since. Two runs without a REDIS_URL on the same folder are two such pipelines.
 */
function otherRun(entered: string | undefined, run: string): string | undefined {
  const theirs = entered?.split('.')[1];
  return theirs === undefined || theirs === run ? undefined : theirs;
}

/** A Redis that evicts keys to make room forgets what was accepted. It cannot be mended from here, only told. */
async function warnOfEviction(redis: Redis, log: Logger): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  log.warn(
    { policy },
    'Redis may evict keys: duplicates would be written again; set "maxmemory-policy noeviction" (CONFIG SET, or its file)',
  );
}

/** @returns whether the epoch may be there now; false if somebody else is at it */
async function rebuildUnderLock(
  options: EpochOptions,
  previous: string | null,
  namePrefix: string,
  other: string | undefined,
): Promise<boolean> {
  const { redis, pipeline, sink, rebuild, clock, log } = options;
  const lock = rebuildLockKey(pipeline);
  const token = randomBytes(8).toString('hex');
  if ((await redis.set(lock, token, 'PX', LOCK_MILLISECONDS, 'NX')) !== 'OK') return false;
  const root = ledgerKeys(pipeline, '').epoch;
  const done = new AbortController();
  void keepLock(options, token, done.signal);
  try {
    const started = clock.now();
    if (previous !== null) {
      if (other !== undefined) {
        const remedy =
          'no row is lost or doubled, but they keep taking it from each other; stop one, or give it another output';
        log.warn(
          { theirs: other },
          `another pipeline, with a Redis of its own, is writing to the same output: ${remedy}`,
        );
      } else {
        const what =
          'the ledger in Redis belongs to an earlier run of the server, to another sink, or to another merge';
        log.warn({ previous }, what);
      }
      // What the other sink was given, this one lacks: the cursors of all endpoints are void. Before the epoch goes, for
      // afterwards nobody knows that there was another; counted twice it does no harm.
      if (!previous.startsWith(namePrefix.slice(0, namePrefix.indexOf('.') + 1)))
        await redis.incr(sinkGenerationKey(pipeline));
      await redis.del(root);
      await forget(redis, ledgerKeys(pipeline, previous));
    }
    const name = `${namePrefix}${randomBytes(6).toString('hex')}`;
    await sink.beginEpoch(name);
    await rebuild(ledgerKeys(pipeline, name));
    // Only the holder of the lock may publish: one that was held up past its lock built an epoch that nobody will use.
    const published = await redis.eval(
      "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[2], ARGV[2]) return 1 end return 0",
      2,
      lock,
      root,
      token,
      name,
    );
    if (published !== 1) return true;
    log.info({ epoch: name, milliseconds: clock.now() - started }, 'the ledger in Redis was rebuilt from the sink');
    return true;
  } catch (error) {
    log.error({ reason: describeError(error) }, 'the ledger could not be rebuilt from the sink; trying again');
    await clock.sleep(1_000, options.signal);
    return false;
  } finally {
    done.abort();
    await redis.eval("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end", 1, lock, token);
  }
}

/** Whoever was held up past the lock must not keep alive the lock of the one that came after. */
async function keepLock({ redis, pipeline, clock }: EpochOptions, token: string, done: AbortSignal): Promise<void> {
  const extend = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";
  for (;;) {
    await clock.sleep(LOCK_MILLISECONDS / 3, done);
    if (done.aborted) return;
    await redis.eval(extend, 1, rebuildLockKey(pipeline), token, LOCK_MILLISECONDS).catch(() => {});
  }
}

/** The keys of an epoch that is over. Whatever a name does not cover is gone with the server that held it. */
async function forget(redis: Redis, keys: LedgerKeys): Promise<void> {
  const pattern = `${keys.leases.slice(0, -'leases'.length).replaceAll(/[[\]*?\\]/g, '\\$&')}*`;
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}
