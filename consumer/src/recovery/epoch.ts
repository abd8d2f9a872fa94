import {
  type Clock,
  cursorResetsKey,
  describeError,
  type Logger,
  ledgerEpochKey,
  readEpoch,
  seenAgainKey,
  sinkGenerationKey,
} from '@tributary/shared';
import { type LedgerKeys, ledgerKeys, rebuildsKey } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Sink } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';
import { type BegunRebuilds, noteBegunRebuild, readBegunRebuilds, removeEpoch } from './begun.js';
import { BulkWriter } from './bulk-writer.js';
import { Deployment, readName } from './deployment.js';
import { changedForms, type Forms, makesSameRows } from './forms.js';
import { RebuildLock } from './lock.js';
import { inspectOutput, sinkOfEpoch } from './output.js';

/**
 * Fills an empty ledger from the sink, under the keys of the epoch that is about to begin.
 * @param isDoubted whether a person doubts what is there: each row has to prove itself by its hash
 * @param reformed datasets whose rows were made in another form than new rows are
 * @param since when the configuration came into use, in milliseconds; also where no dataset is known to be reformed, rows may be from before
 */
export type Rebuild = (
  keys: LedgerKeys,
  isDoubted?: boolean,
  reformed?: ReadonlySet<string>,
  since?: number,
) => Promise<void>;

export interface EpochOptions {
  readonly redis: LedgerRedis;
  readonly pipeline: string;
  readonly sink: Sink;
  /** Names the configuration of entities and merges: a ledger of another one holds other contents and other sides. */
  readonly mergeName: string;
  readonly rebuild: Rebuild;
  /** What the rows of each dataset are made by. */
  readonly forms?: Forms;
  /** Removes what is kept no longer, in an epoch that has just begun. */
  readonly keepRetention?: (epoch: string) => Promise<void>;
  /** The endpoints that bring the records of these datasets. */
  readonly endpointsOf?: (datasets: ReadonlySet<string>) => Iterable<string>;
  /** What this process knows of its configuration; of a process that has just begun if it is left out. */
  readonly deployment?: Deployment;
  /** Called with why this consumer waits for another deployment. It works again when the epoch is entered. */
  readonly onWaiting?: (problem: string) => void;
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
 * An epoch's name says whose state it is: `<sink>.<run of the Redis server>.<forms><since when><random>`. A server that restarted (even
 * from a snapshot, which may lack the last commits), or that serves another sink or another configuration, has no valid epoch. Neither
 * has one whose sink went back to an older state: it lacks what the ledger knows as written. Each script checks the name again, because a restart may come between any two of them (prelude.lua).
 *
 * @throws WriterLost if the signal aborts while it waits
 */
export async function enterEpoch(given: EpochOptions): Promise<Epoch> {
  const { redis, pipeline, mergeName, clock, log, signal } = given;
  const deployment = given.deployment ?? new Deployment({ redis, pipeline, forms: mergeName, clock });
  const options = { ...given, deployment };
  let isTold = false;
  while (!signal.aborted) {
    const found = await look(options);
    if (found.valid !== undefined) {
      deployment.entered(found.valid);
      await warnOfEviction(redis, log);
      if (isTold) log.info('the consumers of the newer configuration have ended, or this one has theirs now: going on');
      return { name: found.valid, keys: ledgerKeys(pipeline, found.valid) };
    }
    if (await deployment.isOutdated(found)) {
      if (!isTold) log.warn(OUTDATED);
      isTold = true;
      options.onWaiting?.(OUTDATED);
      await clock.sleep(LOOK_AGAIN, signal);
      continue;
    }
    if (!(await rebuildUnderLock(options))) await clock.sleep(250, signal);
  }
  log.debug('stopped before the ledger was ready');
  throw new WriterLost('lost', 'stopped while waiting for the ledger');
}

/** Milliseconds between two looks of a consumer that waits for those of a newer configuration. */
const LOOK_AGAIN = 2_000;

const OUTDATED =
  'not consuming: consumers with a newer configuration of this pipeline are at work, and this one has an older pipeline file, or is ' +
  'an older version of Tributary; start it with the file and the version of the others, or stop it; it goes on by itself some 15 s ' +
  'after the last of them has stopped';

/** What Redis and the sink say about the epoch. */
interface Look {
  /** The epoch that Redis holds. */
  readonly present: string | null;
  /** The epoch that the sink was given to. */
  readonly entered: string | undefined;
  /** Whether a person has doubted its ledger (an endpoint was reset). */
  readonly isDoubted: boolean;
  /** The same, if it may be entered. */
  readonly valid: string | undefined;
  /** What a new epoch's name begins with. */
  readonly prefix: string;
  /** The run of another Redis whose pipeline writes to the same output. */
  readonly rival: string | undefined;
  /** What the output held in that epoch and holds no more, in words; undefined if it holds everything. */
  readonly lost: string | undefined;
}

async function look({ redis, pipeline, sink, mergeName }: EpochOptions): Promise<Look> {
  const sinkName = await sink.identity();
  const run = await serverRun(redis);
  const { epoch: present, isDoubted } = readEpoch(await redis.get(ledgerEpochKey(pipeline)));
  const prefix = `${sinkName}.${run}.${mergeName}`;
  const entered = await sink.epoch();
  const isOurs = present?.startsWith(prefix) === true;
  const isSameSink = present !== null && sinkOfEpoch(present) === sinkName;
  // Also if the epoch is over for another reason: afterwards nothing tells any more what the output held.
  const lost = isSameSink ? await inspectOutput({ redis, sink }, present, ledgerKeys(pipeline, present)) : undefined;
  const valid = isOurs && !isDoubted && entered === present && lost === undefined ? present : undefined;
  return { present, entered, isDoubted, valid, prefix, rival: isOurs ? otherRun(entered, run) : undefined, lost };
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

/** @returns whether the epoch may be there now; false if another consumer is rebuilding it, or this rebuild failed */
async function rebuildUnderLock(options: EpochOptions & { readonly deployment: Deployment }): Promise<boolean> {
  const { redis, pipeline, sink, rebuild, forms = {}, deployment, clock, log } = options;
  const lock = await RebuildLock.take(options);
  if (lock === undefined) return false;
  try {
    const started = clock.monotonic();
    // Once more, because another consumer may have rebuilt it in between.
    const found = await look(options);
    if (found.valid !== undefined || (await deployment.isOutdated(found, true))) return true;
    const begun = await readBegunRebuilds(redis, pipeline);
    const lost = found.lost ?? (await lostSinceBegun(options, begun, sinkOfEpoch(found.prefix)));
    // A sink that went back is another sink. Its name is changed first, so that each later step finds that it is another.
    if (lost !== undefined) await sink.renew();
    const prefix = lost === undefined ? found.prefix : (await look(options)).prefix;
    // Those of rebuilds that did not end, too: the epoch before them is gone, and the output may have changed since.
    const ended = found.present === null ? begun.epochs : [found.present, ...begun.epochs];
    const [previous] = ended;
    if (previous !== undefined) tellWhyItEnds({ ...found, present: previous, lost }, log);
    const reformed = new Set([...begun.reformed, ...(await findReformed(options, found))]);
    // What put back older rows, or changed a table, may have changed what the rows hold, too.
    const isDoubted = found.isDoubted || begun.isDoubted || lost !== undefined;
    const name = await deployment.nameNext(prefix, found);
    const keys = ledgerKeys(pipeline, name);
    await noteBegunRebuild(redis, pipeline, { isDoubted, reformed, epochs: [name] });
    // Before the marks of the epoch that ends are removed: if this consumer dies in between, the next rebuild compares with these.
    await keep(redis, keys.marks, (await sink.inspect({})).marks);
    await endEpoch(options, ended, prefix, reformed);
    await sink.beginEpoch(name);
    // Before the sink is read: what goes away while it is read is missed later. Not beside the older marks: a sink may sum up what it
    // counted in epochs that are over.
    await redis.del(keys.marks);
    await keep(redis, keys.marks, (await sink.inspect({})).marks);
    await keep(redis, keys.forms, forms);
    // Behind the marks: it may take long, and if this consumer dies meanwhile, the marks of before would tell of a loss.
    await sink.prepare?.(name);
    await options.keepRetention?.(name);
    // Notes for people name keys, those that were erased too.
    if (((await sink.erasures?.list()) ?? []).length > 0) await redis.del(seenAgainKey(pipeline));
    await rebuild(keys, isDoubted, reformed, readName(name)?.since);
    if (await lock.publish(ledgerEpochKey(pipeline), name)) {
      // If this fails, the next rebuild only does more than it has to.
      await redis.del(rebuildsKey(pipeline)).catch(() => {});
      log.info(
        { epoch: name, milliseconds: Math.round(clock.monotonic() - started) },
        'the ledger in Redis was rebuilt from the sink',
      );
    } else {
      await removeEpoch(redis, keys);
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

/** What the output has lost since a rebuild was begun that did not end, in words; undefined if it holds everything. */
async function lostSinceBegun(
  { redis, pipeline, sink }: EpochOptions,
  { epochs }: BegunRebuilds,
  sinkName: string,
): Promise<string | undefined> {
  for (const epoch of epochs) {
    if (sinkOfEpoch(epoch) !== sinkName) continue;
    const lost = await inspectOutput({ redis, sink }, epoch, ledgerKeys(pipeline, epoch));
    if (lost !== undefined) return lost;
  }
  return undefined;
}

function tellWhyItEnds({ present, isDoubted, rival, lost }: Look & { readonly present: string }, log: Logger): void {
  if (lost !== undefined) {
    const remedy = 'the ledger is rebuilt from what is there, and every endpoint is polled in full';
    log.warn({ previous: present, reason: lost }, `the output went back to an older state: ${remedy}`);
    return;
  }
  if (isDoubted) {
    log.info({ previous: present }, 'an endpoint was reset: the ledger in Redis is compared with what the sink holds');
    return;
  }
  if (rival === undefined) {
    const what =
      'the ledger in Redis belongs to an earlier run of the server, to another sink, to another configuration, or to another version of Tributary, or rows were erased from the output (erase, retention)';
    log.warn({ previous: present }, what);
    return;
  }
  const remedy =
    'no row is lost or doubled, but they keep taking it from each other; stop one, or give it another output';
  log.warn({ theirs: rival }, `another pipeline, with a Redis of its own, is writing to the same output: ${remedy}`);
}

async function keep(redis: LedgerRedis, key: string, fields: Readonly<Record<string, string>>): Promise<void> {
  const writer = new BulkWriter(redis);
  for (const [name, value] of Object.entries(fields)) await writer.hset(key, name, value);
  await writer.flush();
}

/** The datasets whose rows were made in another form in the epoch that ends. */
async function findReformed(options: EpochOptions, { present, entered }: Look): Promise<ReadonlySet<string>> {
  const { redis, pipeline, mergeName, forms = {}, log } = options;
  const kept = present === null ? {} : await redis.hgetall(ledgerKeys(pipeline, present).forms);
  const reformed = new Set(changedForms(kept, forms));
  if (Object.keys(kept).length === 0) {
    // Redis has lost which datasets had which form, perhaps just now. The epoch's name tells whether there was another configuration.
    const before = readName(present ?? entered)?.forms;
    if (before !== undefined && !makesSameRows(before, mergeName))
      for (const dataset of Object.keys(forms)) reformed.add(dataset);
  }
  if (reformed.size > 0) {
    const done = 'everything is made in the new form once; their endpoints are polled in full';
    log.info({ datasets: [...reformed] }, `the configuration of these datasets has changed: ${done}`);
  }
  return reformed;
}

/** Removes the epoch that is over, and everything under its keys and those of rebuilds that did not end. */
async function endEpoch(
  { redis, pipeline, endpointsOf = () => [] }: EpochOptions,
  ended: readonly string[],
  prefix: string,
  reformed: ReadonlySet<string>,
): Promise<void> {
  // This sink lacks what the other one was given, so the cursors of all endpoints are void. They are voided before the epoch
  // is removed, for afterwards nothing tells that there was another sink; to void them twice does no harm.
  if (ended.some((epoch) => sinkOfEpoch(epoch) !== sinkOfEpoch(prefix))) await redis.incr(sinkGenerationKey(pipeline));
  // So are those of the endpoints whose records are made in another form now. Without an epoch that ends, Redis has lost the cursors
  // too: those that are there began since, or (from the marks of a round) with the configuration of today.
  const made = ended.length === 0 ? [] : endpointsOf(reformed);
  for (const endpoint of made) await redis.incr(cursorResetsKey(pipeline, endpoint));
  await redis.del(ledgerEpochKey(pipeline));
  for (const epoch of ended) await removeEpoch(redis, ledgerKeys(pipeline, epoch));
}
