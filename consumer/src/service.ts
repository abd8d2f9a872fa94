import { randomBytes } from 'node:crypto';
import {
  type Clock,
  claimPipeline,
  compileEntity,
  createRegistry,
  DEFAULT_SHUTDOWN_DEADLINE,
  datasetsOf,
  describeError,
  interruptible,
  keepHeapSmall,
  type Listening,
  type Logger,
  type LogOutput,
  listen,
  measureBlocked,
  measureConnections,
  openTelemetry,
  Problems,
  type QueueDepths,
  queueDepths,
  type Registry,
  ReleaseList,
  readServiceSettings,
  redisSeenAgain,
  redisSettledNotes,
  type Service,
  type ServiceEnvironment,
  ServiceGuard,
  type ServiceProcess,
  type ServiceSettings,
  serviceApp,
  systemClock,
  tellPipeline,
  topologyOf,
  warnOfDevelopmentCredentials,
} from '@tributary/shared';
import { aggregatesOf } from './aggregate/compile.js';
import type { AggregatesTold } from './aggregate/keep.js';
import { LyingLetters } from './dead-letters/lying-letters.js';
import { RedisBuried } from './dead-letters/redis-buried.js';
import { RedisStrikes } from './intake/redis-strikes.js';
import { tellFailures } from './merge/failures.js';
import { createMergeRows } from './merge/rows.js';
import { measureAggregates } from './metrics/aggregates.js';
import { type DeadRecordGroup, DeadRecords } from './metrics/dead-records.js';
import { measureEvictions } from './metrics/evictions.js';
import { ConsumerMetrics } from './metrics/metrics.js';
import type { ConsumerObserver } from './metrics/observer.js';
import { BatchTraces } from './metrics/traces.js';
import { watchRetention } from './recovery/retention.js';
import { RedisLedgerStore } from './recovery/store.js';
import { type Connections, openConnections } from './session/connections.js';
import type { SessionEnd } from './session/ending.js';
import type { RunningSession } from './session/options.js';
import { runSessions } from './session/sessions.js';
import { runSession } from './session.js';
import { tellAgainst } from './sinks/against.js';
import { createSink } from './sinks/create.js';
import { keptBodies } from './sinks/create-kept-bodies.js';
import type { MakeProgramSink, Sink } from './sinks/port.js';

export interface ConsumerOptions extends ServiceSettings {
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** Needed if the sink is one of the program that holds the consumer. */
  readonly programSink?: MakeProgramSink | undefined;
  readonly clock?: Clock;
  /** Is told what became of records, in a program that holds the consumer. */
  readonly observer?: ConsumerObserver | undefined;
}

export interface Consumer extends Service {
  /** Of its HTTP server, once it is started. */
  readonly url: string;
  readonly registry: Registry;
  /** What keeps it from consuming, in words; empty if nothing does. */
  problems(): readonly string[];
  /** Writes now what waits for its batch. */
  flushNow(): Promise<void>;
  /** Resolves with true when the aggregates are those of what is written now, and with false if this consumer does not keep them up to date. */
  calculateNow(): Promise<boolean>;
  /** The number of deliveries that are not settled. */
  unsettled(): number;
  /** The records that died since the start, by their fault. */
  deadRecords(): readonly DeadRecordGroup[];
}

/** A consumer of every queue of the pipeline. It waits for anything that is away, and never gives up. */
export function createConsumer(options: ConsumerOptions): Consumer {
  return new ConsumerService(options);
}

/**
 * A consumer that is a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @throws FatalError for settings or a pipeline that cannot be used
 */
export function consumerProcess(env: ServiceEnvironment, output?: LogOutput): ServiceProcess {
  keepHeapSmall();
  const settings = readServiceSettings('consumer', env, output);
  warnOfDevelopmentCredentials(env, settings.log);
  return { service: createConsumer({ ...settings, postgresUrl: env.POSTGRES_URL }), log: settings.log };
}

class ConsumerService implements Consumer {
  readonly registry = createRegistry('consumer');
  readonly #options: ConsumerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: ConsumerMetrics;
  readonly #aggregatesTold: AggregatesTold;
  readonly #dead = new DeadRecords();
  readonly #problems = new Problems();
  readonly #releases = new ReleaseList();
  readonly #stopping = new AbortController();
  readonly #overdue = new AbortController();
  #running: RunningSession | undefined;
  #sessions: Promise<void> | undefined;
  #server: Listening | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log;
    this.#metrics = new ConsumerMetrics(this.registry, () => this.#unflushedAges());
    this.#metrics.measureUnsettled(() => this.unsettled());
    this.#aggregatesTold = measureAggregates(this.registry, this.#metrics);
    this.#metrics.tellBatchInterval(options.config.batch.interval);
    this.#metrics.knowDatasets(datasetsOf(options.config).map(({ name }) => name));
    tellPipeline(this.registry, options.config, options.instance);
    this.#problems.set('session', 'not consuming yet');
    const isThere = (what: string) => () => !this.#problems.has(what);
    measureConnections(this.registry, { rabbitmq: isThere('broker'), redis: isThere('redis') });
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  problems(): readonly string[] {
    return this.#problems.words();
  }

  async flushNow(): Promise<void> {
    await this.#running?.flushNow();
  }

  async calculateNow(): Promise<boolean> {
    return (await this.#running?.calculateNow()) ?? false;
  }

  unsettled(): number {
    return this.#running?.unsettled() ?? 0;
  }

  deadRecords(): readonly DeadRecordGroup[] {
    return this.#dead.groups;
  }

  async start(): Promise<void> {
    if (this.#sessions !== undefined || this.#stopping.signal.aborted) return;
    const traces = await this.#openTraces();
    await this.#listen();
    const connections = await this.#connect();
    const sink = this.#createSink();
    const session = this.#sessionsOn(connections, sink, traces);
    const claimed = claimPipeline({
      redis: connections.redis,
      config: this.#options.config,
      service: `consumer ${this.#options.instance} ${randomBytes(4).toString('hex')}`,
      clock: this.#clock,
      onProblem: (problem) => {
        if (problem !== undefined && !this.#problems.has('pipeline')) this.#log.error(problem);
        this.#problems.set('pipeline', problem);
      },
      onTwin: (words) => this.#log.warn(words),
      signal: this.#stopping.signal,
    });
    void watchRetention({
      redis: connections.redis,
      config: this.#options.config,
      sink,
      isConsuming: () => this.#running !== undefined,
      clock: this.#clock,
      log: this.#log,
      signal: this.#stopping.signal,
    });
    this.#sessions = runSessions({
      session: async (writer) => {
        await claimed;
        return this.#stopping.signal.aborted ? { after: 'stopped' } : await session(writer);
      },
      sink,
      untilRedis: (signal) => connections.health.whenUsable(signal),
      instance: this.#options.instance,
      clock: this.#clock,
      log: this.#log,
      metrics: this.#metrics,
      onProblem: (what, problem) => this.#problems.set(what, problem),
      onEnd: () => {
        this.#running = undefined;
      },
      stop: this.#stopping.signal,
    });
  }

  async stop(deadline = DEFAULT_SHUTDOWN_DEADLINE): Promise<void> {
    this.#stopping.abort();
    const wasRunning = this.#running !== undefined;
    // Nothing is begun in a session that does not consume yet, so there is nothing to wait for.
    if (!wasRunning) this.#overdue.abort();
    const finished = await this.#sessionsEndWithin(wasRunning ? deadline : Math.min(deadline, 1_000));
    if (!finished && this.#running !== undefined) {
      this.#log.warn({ deadlineMs: deadline }, 'not everything could be written in time; the rest is delivered again');
    }
    this.#overdue.abort();
    await this.#releases.release();
  }

  async #sessionsEndWithin(milliseconds: number): Promise<boolean> {
    const timer = new AbortController();
    const ended = (this.#sessions ?? Promise.resolve()).then(() => true);
    const late = systemClock.sleep(milliseconds, timer.signal).then(() => false);
    return await Promise.race([ended, late]).finally(() => timer.abort());
  }

  async #openTraces(): Promise<BatchTraces | undefined> {
    const { telemetry: settings, config, instance } = this.#options;
    if (settings === undefined) return undefined;
    const { registry } = this;
    const telemetry = await openTelemetry({
      settings,
      service: 'tributary-consumer',
      instance,
      log: this.#log,
      registry,
    });
    this.#releases.add('the traces', () => telemetry.close());
    return new BatchTraces(telemetry, config.sink.type);
  }

  async #listen(): Promise<void> {
    const { port, host, reading, readToken } = this.#options;
    const guard = new ServiceGuard({ reading, readToken, clock: this.#clock });
    const app = serviceApp(this.registry, () => this.problems(), guard);
    this.#server = await listen(app, port, host);
    this.#releases.add('HTTP server', () => this.#server?.close());
  }

  async #connect(): Promise<Connections> {
    const onProblem = (what: string, problem: string | undefined) => this.#problems.set(what, problem);
    let isBlocked = false;
    const onBlocked = (blocked: boolean) => {
      isBlocked = blocked;
    };
    measureBlocked(this.registry, () => isBlocked);
    const connections = await openConnections({ ...this.#options, release: this.#releases, onProblem, onBlocked });
    measureEvictions(this.registry, connections.redis);
    this.#metrics.measureDeadLetters(() => this.#lying(queueDepths(connections.broker)));
    return connections;
  }

  async #lying(depths: QueueDepths): Promise<ReadonlyMap<string, number> | undefined> {
    if (this.#problems.has('broker')) return undefined;
    const queues = topologyOf(this.#options.config).queues.map(({ deadQueue }) => deadQueue);
    const looks = await interruptible(depths.look(queues), AbortSignal.timeout(1_000)).catch(() => undefined);
    return looks && new Map([...looks].map(([queue, { ready }]) => [queue, ready]));
  }

  #letters({ redis, broker }: Pick<Connections, 'redis' | 'broker'>): LyingLetters {
    const { config, log } = this.#options;
    const letters = new LyingLetters({
      buried: new RedisBuried(redis, config.name),
      depths: queueDepths(broker),
      queues: topologyOf(config).queues.map(({ queue }) => queue),
      clock: this.#clock,
      log,
    });
    void letters.watch(this.#stopping.signal);
    return letters;
  }

  #createSink(): Sink {
    const { config, postgresUrl, programSink: program } = this.#options;
    const sink = createSink({ config, postgresUrl, program, clock: this.#clock, log: this.#log });
    this.#releases.add('sink', () => sink.close());
    return sink;
  }

  /** Tells once what becomes of what the output holds, where the pipeline file is another one than before. */
  async #tellAgainst(sink: Sink): Promise<void> {
    try {
      for (const told of tellAgainst(this.#options.config, await sink.stored())) this.#log.warn(told);
    } catch (error) {
      this.#log.debug({ reason: describeError(error) }, 'what the output holds could not be compared with the file');
    }
  }

  /** Here the adapters are chosen. A session knows only their ports. */
  #sessionsOn(
    { redis, broker, deadLetterBroker }: Connections,
    sink: Sink,
    traces: BatchTraces | undefined,
  ): (writer: string) => Promise<SessionEnd> {
    const { config, log, instance } = this.#options;
    const clock = this.#clock;
    const shared = {
      config,
      entities: Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity)),
      merges: createMergeRows(config, tellFailures(log, this.#metrics)),
      aggregates: { list: aggregatesOf(config), redis, tell: this.#aggregatesTold },
      topology: topologyOf(config),
      broker,
      deadLetterBroker,
      ledgers: new RedisLedgerStore({
        redis,
        config,
        sink,
        clock,
        log,
        onWaiting: (problem) => this.#problems.set('session', problem),
        onRemoved: (...removed) => this.#metrics.removed(...removed),
      }),
      buried: this.#letters({ redis, broker }),
      kept: keptBodies(config.sink, { postgresUrl: this.#options.postgresUrl }),
      seenAgain: redisSeenAgain(redis, config.name),
      settledNotes: redisSettledNotes(redis, config.name),
      strikes: new RedisStrikes(redis, config.name),
      sink,
      instance,
      // Room for many batches, so that one can be written while others fill.
      prefetch: Math.min(65_535, Math.max(1_000, config.batch.size * 25)),
      clock,
      log,
      metrics: this.#metrics,
      dead: this.#dead,
      observer: this.#options.observer,
      traces,
      onSinkProblem: (problem: string | undefined, dataset: string) => this.#problems.set(`sink ${dataset}`, problem),
      onLetterProblem: (queue: string, problem: string | undefined) =>
        this.#problems.set(`dead letters of ${queue}`, problem),
      onLater: (queue: string, problem: string | undefined) =>
        this.#problems.set(`later messages of ${queue}`, problem),
      onSlow: (words: string) => this.#problems.set('session', `not consuming yet: ${words}`),
      onRunning: (running: RunningSession) => {
        this.#running = running;
        this.#problems.set('session', undefined);
      },
      stop: this.#stopping.signal,
      overdue: this.#overdue.signal,
    };
    let isCompared = false;
    return (writer) => {
      if (!isCompared) void this.#tellAgainst(sink);
      isCompared = true;
      return runSession({ ...shared, writer });
    };
  }

  #unflushedAges(): Iterable<readonly [entity: string, milliseconds: number]> {
    const now = this.#clock.monotonic();
    return (this.#running?.oldestUnflushed() ?? []).map(([entity, since]) => [entity, now - since] as const);
  }
}
