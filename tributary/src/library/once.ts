import type { Consumer, DeadRecordGroup } from '@tributary/consumer';
import type { PollSummary, Producer } from '@tributary/producer';
import {
  applyTopology,
  type Clock,
  closeAmqp,
  FatalError,
  hasOwnOrder,
  interruptible,
  type PipelineConfig,
  sinkWords,
  topologyOf,
} from '@tributary/shared';
import { connect } from 'amqplib';
import { diedSince } from './died.js';
import { type Counted, type Figures, readFigures, since } from './figures.js';

/** What one round of polls came to; its figures are of this round. `--json` prints it as it is. */
export interface Summary extends Figures {
  /** Records that the endpoints gave. */
  readonly polled: number;
  /** How long it took. */
  readonly seconds: number;
  /** Where the rows are. */
  readonly output: string;
  readonly endpoints: readonly PolledEndpoint[];
  /** Why records died, by their fault; absent if none did. */
  readonly died?: readonly DeadRecordGroup[];
  /** Another consumer keeps the aggregates up to date, and they may lack what this round has written. */
  readonly aggregatesBehind?: true;
  /** Endpoints whose mark was not kept, because records of theirs died; absent if there are none. */
  readonly withheld?: readonly string[];
}

interface PolledEndpoint {
  readonly endpoint: string;
  readonly records: number;
  /** Records that `where` left out; absent if none. */
  readonly filtered?: number;
  /** Records that were deleted, by `deletes`; absent if none. */
  readonly deleted?: number;
  /** Records that are missing and were not deleted, and why; absent if there are none. */
  readonly notDeleted?: PollSummary['notDeleted'];
  /** What became of its files; absent where there are none. */
  readonly inputs?: PollSummary['inputs'];
  /** Every record that it published has died. */
  readonly allDied?: true;
  readonly error?: string;
}

/** The services that a round needs. */
interface Round extends Counted {
  readonly config: PipelineConfig;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly amqpUrl: string;
}

/** Without any progress for this long, something hangs, and a person should know. */
const NO_PROGRESS = 120_000;

/** A service that says for this long what it lacks will not find it while somebody waits for a single round. */
const LACKING = 20_000;

/**
 * How long no record is unsettled until those that this consumer has not judged count as judged by others, which have ended since. A
 * message that is between the queue's count and the consumer's is in one of them long before.
 */
const JUDGED_ELSEWHERE = 5_000;

/** What the consumer says before its ledger is made. */
const NOT_CONSUMING = 'not consuming yet';
const CONSUMING_POLL = 20;

/**
 * Polls every endpoint once, and waits until every record has its row.
 * @param stopped aborts when the pipeline is stopped: then nothing of the round goes on, and the call fails with its reason
 */
export async function runOnce(pipeline: Round, clock: Clock, stopped: AbortSignal): Promise<Summary> {
  const started = clock.monotonic();
  const before = await readFigures(pipeline);
  const deadBefore = pipeline.consumer.deadRecords();
  const done = new AbortController();
  const signal = AbortSignal.any([stopped, done.signal]);
  const round = async () => {
    if (Object.values(pipeline.config.endpoints).some(hasOwnOrder)) await untilConsuming(pipeline, clock, signal);
    const polls = await pipeline.producer.pollOnce();
    signal.throwIfAborted();
    await drain(pipeline, clock, signal);
    const isCalculated = await calculate(pipeline, clock, signal);
    return { polls, isCalculated };
  };
  const ended = Promise.race([round(), untilLacking(pipeline, clock, signal)]);
  const { polls, isCalculated } = await interruptible(ended, stopped).finally(() => done.abort());
  const died = diedSince(deadBefore, pipeline.consumer.deadRecords());
  return {
    polled: polls.reduce((sum, { records }) => sum + records, 0),
    ...since(before, await readFigures(pipeline)),
    seconds: Math.round(clock.monotonic() - started) / 1_000,
    output: sinkWords(pipeline.config.sink).place,
    endpoints: polls.map((poll) => polledEndpoint(poll, died)),
    ...(died.length === 0 ? {} : { died }),
    ...(isCalculated ? {} : { aggregatesBehind: true as const }),
  };
}

function polledEndpoint(
  { endpoint, records, published, filtered, deleted, notDeleted, inputs, error }: PollSummary,
  died: readonly DeadRecordGroup[],
) {
  const dead = died.filter((group) => group.endpoint === endpoint).reduce((sum, { count }) => sum + count, 0);
  return {
    endpoint,
    records,
    ...(filtered === undefined ? {} : { filtered }),
    ...(deleted === undefined ? {} : { deleted }),
    ...(notDeleted === undefined ? {} : { notDeleted }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(dead > 0 && dead >= published ? { allDied: true as const } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

/**
 * What a followed table had brought is learned from the output as the ledger is made from it. A single round that began before would compare the
 * table with less than there is, and where the ledger is in memory no later one would mend it.
 */
async function untilConsuming({ consumer }: Round, clock: Clock, signal: AbortSignal): Promise<void> {
  while (consumer.problems().some((problem) => problem.startsWith(NOT_CONSUMING))) {
    await clock.sleep(CONSUMING_POLL, signal);
    signal.throwIfAborted();
  }
}

/** @throws FatalError when the consumer has lacked the same thing (its sink, its broker) for too long; never resolves */
async function untilLacking(pipeline: Round, clock: Clock, signal: AbortSignal): Promise<never> {
  let since = clock.monotonic();
  let last = '';
  while (!signal.aborted) {
    // A large output takes its time to be read: beginning to consume is no lack.
    const lacks = pipeline.consumer.problems().filter((problem) => problem !== NOT_CONSUMING);
    const now = lacks.join('; ');
    if (now === '' || now !== last) since = clock.monotonic();
    last = now;
    if (clock.monotonic() - since > LACKING)
      throw new FatalError('round_stuck', `given up after ${LACKING / 1_000} s: ${now}`);
    await clock.sleep(250, signal);
  }
  return new Promise(() => {});
}

/** Milliseconds to wait for who keeps the aggregates: longer than one that died holds them. One that lives calculates by itself. */
const HELD_ELSEWHERE = 20_000;

/** @returns whether the aggregates are those of what was written in this round */
async function calculate({ config, consumer }: Round, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (config.aggregates.length === 0) return true;
  for (const until = clock.monotonic() + HELD_ELSEWHERE; clock.monotonic() < until; await clock.sleep(250, signal)) {
    signal.throwIfAborted();
    if (await consumer.calculateNow()) return true;
  }
  return false;
}

/** Waits until the queues are empty and nothing is in flight; what waits for its batch to be full is written now. */
async function drain(pipeline: Round, clock: Clock, signal: AbortSignal): Promise<void> {
  const connection = await connect(pipeline.amqpUrl.split(',')[0] ?? '');
  // The call that fails tells; without a listener the event alone would end the process.
  connection.on('error', () => {});
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    // Where nothing was published, the consumer may not have come so far as to declare its queues.
    await applyTopology(channel, topologyOf(pipeline.config));
    const queues = Object.values(pipeline.config.entities).map(({ queue }) => queue);
    let last = '';
    let since = clock.monotonic();
    let settledSince = since;
    // A message may be between the queue's count and the consumer's: three looks in a row must find nothing.
    for (let quiet = 0; quiet < 3; ) {
      await pipeline.consumer.flushNow();
      const checked = await Promise.all(queues.map((queue) => channel.checkQueue(queue)));
      const ready = checked.reduce((sum, { messageCount }) => sum + messageCount, 0);
      const alone = checked.every(({ consumerCount }) => consumerCount === 1);
      const figures = await readFigures(pipeline);
      const judged = figures.accepted + figures.duplicate + figures.stale + figures.deadLettered;
      const [lost] = pipeline.producer.losses();
      if (lost !== undefined) throw new FatalError('records_lost', `${lost}; run it again`);
      const isSettled = ready === 0 && pipeline.consumer.unsettled() === 0;
      // Nothing is there any more, also if the broker has lost it: then that is noticed in some seconds.
      const unsettled = isSettled ? await pipeline.producer.unsettled() : undefined;
      if (unsettled !== 0) settledSince = clock.monotonic();
      const isJudged = !alone || judged >= figures.published || clock.monotonic() - settledSince > JUDGED_ELSEWHERE;
      const idle = isSettled && (unsettled ?? 0) === 0 && isJudged;
      quiet = idle ? quiet + 1 : 0;

      const state = `${ready} ${pipeline.consumer.unsettled()} ${judged}`;
      if (state !== last) since = clock.monotonic();
      last = state;
      if (clock.monotonic() - since > NO_PROGRESS) {
        const problems = pipeline.consumer.problems().join('; ') || 'no service reports a problem';
        throw new FatalError('drain_stuck', `nothing has moved for ${NO_PROGRESS / 1_000} s: ${problems}`);
      }
      await clock.sleep(idle ? 20 : 50, signal);
      signal.throwIfAborted();
    }
  } finally {
    await closeAmqp(connection).catch(() => {});
  }
}
