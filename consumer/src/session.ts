import {
  applyTopology,
  type Clock,
  type ConfirmChannel,
  closeChannel,
  describeError,
  type Entity,
  type Logger,
  type PipelineConfig,
  type RecoveringChannelModel,
  type Redis,
  ReleaseList,
  redisSeenAgain,
  type Topology,
} from '@tributary/shared';
import { type ClaimedRow, Claims } from './claim/claims.js';
import { Lease } from './claim/lease.js';
import { consume } from './consume.js';
import { Buried } from './dead-letters/buried.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { Intake } from './intake/intake.js';
import { KnownRecords } from './intake/known-records.js';
import { RedisLedger } from './ledger/redis.js';
import { createMergeStep, NO_MERGE } from './merge/merge.js';
import { startRemerge } from './merge/remerge.js';
import { type MergeRows, nameOfMerge } from './merge/rows.js';
import type { ConsumerMetrics } from './metrics/metrics.js';
import { Reporter } from './metrics/report.js';
import { enterEpoch } from './recovery/epoch.js';
import { rebuildFromSink } from './recovery/rebuild.js';
import type { Sink } from './sinks/port.js';
import { Batcher } from './write/batch.js';
import { Flush } from './write/flush.js';
import { WriterLost } from './writer-lost.js';

export interface SessionOptions {
  readonly config: PipelineConfig;
  readonly entities: readonly Entity[];
  readonly topology: Topology;
  readonly mergeRows: MergeRows | undefined;
  readonly broker: RecoveringChannelModel;
  /** Another connection, for dead letters (see DeadLetters). */
  readonly deadLetterBroker: RecoveringChannelModel;
  readonly redis: Redis;
  readonly sink: Sink;
  readonly instance: string;
  readonly writer: string;
  readonly prefetch: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ConsumerMetrics;
  readonly onSinkProblem: (problem: string | undefined) => void;
  /** Told when the session consumes, so that others can look into it. */
  readonly onRunning: (running: RunningSession) => void;
  /** Aborted to stop: begin nothing new, finish what is begun. */
  readonly stop: AbortSignal;
  /** Aborted when the time for that is over. */
  readonly overdue: AbortSignal;
}

/** A session that consumes. */
export interface RunningSession {
  /** Writes every batch now, full or not. */
  flushNow(): Promise<void>;
  /** Deliveries that are not settled yet. */
  unsettled(): number;
  oldestUnflushed(): [entity: string, since: number][];
}

/** What ended a session. After all but `stopped` another begins, with a new writer. */
export interface SessionEnd {
  readonly after: 'stopped' | 'channel closed' | 'consumer cancelled' | 'writer lost' | 'held too long' | 'failed';
  readonly reason?: string | undefined;
}

/**
 * RabbitMQ closes the channel of a consumer that holds a delivery for 30 minutes (consumer_timeout), and on some
 * versions logs it as an error for each. Give it back before.
 */
const HOLD_AT_MOST = 20 * 60_000;

/** Milliseconds that a lease may take to be given back. */
const GIVE_BACK = 1_000;

/** Milliseconds after which RabbitMQ should have let a consumer in. */
const SLOW_ANSWER = 10_000;

/**
 * The life of one writer: from its lease to the end of its channels. Whatever goes wrong ends the session, and what it
 * had not acknowledged comes again, to the next session or to another consumer; the crash protocol is the only recovery.
 */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const { config, sink, redis, clock, log, writer, instance, stop } = options;
  const pipeline = config.name;
  const rebuild = rebuildFromSink(redis, config, sink, clock);
  const mergeName = nameOfMerge(config);
  const epoch = await enterEpoch({ redis, pipeline, sink, mergeName, rebuild, clock, log, signal: stop });

  const ended = new Ending(stop, options.overdue);
  const release = new ReleaseList();
  const ledger = new RedisLedger({
    ...{ scripts: epoch.scripts, keys: epoch.keys, epoch: epoch.name, writer },
    mergeDataset: config.merges[0]?.dataset,
  });
  const lease = new Lease(ledger, clock, log, ({ message }) => ended.by('writer lost', message));
  try {
    await lease.take();
    const output = await sink.open(writer, epoch.name);
    // However the session ends: a file that nobody closes is closed by the garbage collector, which Node will not do for ever.
    release.add('the output', () => output.close());
    const flush = new Flush({ ...options, ledger, lease, writer: output, signal: ended.now });
    const onTakeOver = (dead: string) => {
      options.metrics.tookOver();
      log.warn({ writer: dead }, 'taking over the unfinished rows of a consumer that died');
    };
    const claims = new Claims(ledger, sink, onTakeOver);
    const report = new Reporter(options.metrics, log);
    const seenAgain = redisSeenAgain(redis, pipeline);
    const knownRecords = new KnownRecords();

    const deadLetters = await openDeadLetters(options, ended, release);
    const lanes = await openLanes(options, ended, release);
    const merging =
      options.mergeRows === undefined
        ? undefined
        : { rows: options.mergeRows, ledger, claims, land: (rows: readonly ClaimedRow[]) => flush.land(rows) };
    const stories = lanes.map(({ entity, intake }) => {
      const batch = new Batcher({
        ...{ size: config.batch.size, interval: config.batch.interval, clock },
        flush: (entries, waited) => flush.flush(entries, waited),
        onError: (error) => ended.byError(error),
      });
      const merge = merging === undefined ? NO_MERGE : createMergeStep(entity.name, merging);
      const known = knownRecords.of(entity);
      const steps = { entity, intake, deadLetters, known, claims, merge, batch, report, seenAgain, instance };
      const story = consume(steps).catch((error: unknown) => ended.byError(error));
      return { entity, intake, batch, story };
    });
    const remerge = startRemerge(merging, { clock, log, onError: (error) => ended.byError(error) });
    const flushNow = async () => void (await Promise.all(stories.map(({ batch }) => batch.flushNow())));
    options.onRunning({
      flushNow,
      unsettled: () => stories.reduce((sum, { intake }) => sum + intake.settler.unsettled, remerge.unsettled),
      oldestUnflushed: () =>
        stories.flatMap(({ entity, batch }) =>
          batch.oldestUnwrittenSince === undefined ? [] : [[entity.name, batch.oldestUnwrittenSince]],
        ),
    });
    log.info({ writer, queues: lanes.map(({ queue }) => queue) }, 'consuming');
    void watchHeld(stories, clock, ended);

    const end = await ended.outcome;
    for (const { intake } of stories) intake.end();
    remerge.end();
    if (['stopped', 'channel closed', 'consumer cancelled'].includes(end.after)) {
      // The writer is sound: what it has claimed is written and committed, even if it cannot be acknowledged any more.
      await Promise.all([remerge.ended, ...stories.map(({ story }) => story)]);
      await flushNow();
      for (const { intake } of stories) intake.settler.flush();
      await output.close();
    } else {
      ended.abandon();
      for (const { batch } of stories) batch.abandon();
    }
    return end;
  } finally {
    ended.close();
    const given = lease.release(true).catch((error: unknown) => {
      if (!(error instanceof WriterLost)) log.debug({ reason: describeError(error) }, 'the lease was not given back');
    });
    // A Redis that is away must not keep the deliveries from being given back; the lease runs out by itself.
    await Promise.race([given, clock.sleep(GIVE_BACK)]);
    await release.release().catch((error: unknown) => log.debug({ reason: describeError(error) }, 'closing channels'));
  }
}

interface Lane {
  readonly entity: Entity;
  readonly queue: string;
  readonly intake: Intake;
}

async function openDeadLetters(options: SessionOptions, ended: Ending, release: ReleaseList): Promise<DeadLetters> {
  const { deadLetterBroker, topology, clock } = options;
  const channel = await openChannel(deadLetterBroker, ended, release);
  await applyTopology(channel, topology);
  const buried = new Buried(options.redis, options.config.name);
  return new DeadLetters(channel, topology.deadExchange, buried, () => new Date(clock.now()));
}

/** A channel for each queue, so that each has its own prefetch and its own order of deliveries. */
async function openLanes(options: SessionOptions, ended: Ending, release: ReleaseList): Promise<Lane[]> {
  const { broker, entities, clock, instance, prefetch } = options;
  const lanes: Lane[] = [];
  for (const entity of entities) {
    const { queue } = entity.config;
    const intake = new Intake(await openChannel(broker, ended, release), clock, prefetch);
    const consumerTag = `consumer ${instance} ${entity.name}`;
    const started = intake.start(queue, consumerTag, () => ended.by('consumer cancelled'));
    await tellIfSlow(started, queue, options);
    lanes.push({ entity, queue, intake });
  }
  return lanes;
}

/** A quorum queue without a leader answers nobody, and says nothing: RabbitMQ may be electing one, or need a person. */
async function tellIfSlow(started: Promise<void>, queue: string, { clock, log, stop }: SessionOptions): Promise<void> {
  const answered = new AbortController();
  void clock.sleep(SLOW_ANSWER, AbortSignal.any([answered.signal, stop])).then(() => {
    if (answered.signal.aborted || stop.aborted) return;
    const remedy = 'it may have no leader: see "rabbitmq-queues quorum_status", and whether all nodes are up';
    log.warn({ queue, waitedMs: SLOW_ANSWER }, `RabbitMQ does not answer for this queue; waiting. ${remedy}`);
  });
  await started.finally(() => answered.abort());
}

async function openChannel(broker: RecoveringChannelModel, ended: Ending, release: ReleaseList) {
  const channel: ConfirmChannel = await broker.createConfirmChannel();
  release.add('channel', () => closeChannel(channel));
  // What an error says is said by the close that follows it.
  channel.on('error', () => {});
  channel.on('close', () => ended.by('channel closed'));
  return channel;
}

async function watchHeld(stories: readonly { readonly intake: Intake }[], clock: Clock, ended: Ending): Promise<void> {
  while (!ended.now.aborted) {
    await clock.sleep(10_000, ended.now);
    const limit = clock.now() - HOLD_AT_MOST;
    if (stories.some(({ intake }) => (intake.settler.oldest?.arrivedAt ?? limit) < limit)) ended.by('held too long');
  }
}

/** How a session ends: the first reason counts. */
class Ending {
  readonly outcome: Promise<SessionEnd>;
  readonly #now = new AbortController();
  #resolve: (end: SessionEnd) => void = () => {};

  readonly #onStop = () => this.by('stopped');
  readonly #onOverdue = () => this.abandon();

  constructor(
    private readonly stop: AbortSignal,
    private readonly overdue: AbortSignal,
  ) {
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (stop.aborted) this.by('stopped');
    if (overdue.aborted) this.abandon();
    stop.addEventListener('abort', this.#onStop);
    overdue.addEventListener('abort', this.#onOverdue);
  }

  /** Aborted when nothing is waited for any more. */
  get now(): AbortSignal {
    return this.#now.signal;
  }

  by(after: SessionEnd['after'], reason?: string): void {
    this.#resolve({ after, reason });
  }

  byError(error: unknown): void {
    const reason = describeError(error);
    if (error instanceof WriterLost) this.by('writer lost', reason);
    else if (error instanceof Error && error.name === 'IllegalOperationError') this.by('channel closed', reason);
    else this.by('failed', reason);
  }

  abandon(): void {
    this.#now.abort();
  }

  /** There will be many sessions, and one signal that stops them all. */
  close(): void {
    this.abandon();
    this.stop.removeEventListener('abort', this.#onStop);
    this.overdue.removeEventListener('abort', this.#onOverdue);
  }
}
