import { randomBytes } from 'node:crypto';
import {
  type Clock,
  compileEntity,
  connectBroker,
  connectRedis,
  createRegistry,
  DEFAULT_SHUTDOWN_DEADLINE,
  healthApp,
  type Listening,
  type Logger,
  type LogOutput,
  listen,
  measureConnections,
  type RecoveringChannelModel,
  type Redis,
  type Registry,
  ReleaseList,
  readServiceSettings,
  redisSeenAgain,
  type Service,
  type ServiceEnvironment,
  type ServiceProcess,
  type ServiceSettings,
  systemClock,
  tellPipeline,
  topologyOf,
  warnOfDevelopmentCredentials,
} from '@tributary/shared';
import { RedisBuried } from './dead-letters/redis-buried.js';
import { createMergeRows } from './merge/rows.js';
import { measureEvictions } from './metrics/evictions.js';
import { ConsumerMetrics } from './metrics/metrics.js';
import { RedisLedgerStore } from './recovery/store.js';
import type { SessionEnd } from './session/ending.js';
import type { RunningSession } from './session/options.js';
import { runSessions } from './session/sessions.js';
import { runSession } from './session.js';
import { createSink } from './sinks/create.js';
import type { Sink } from './sinks/port.js';

export interface ConsumerOptions extends ServiceSettings {
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  readonly clock?: Clock;
}

export interface Consumer extends Service {
  /** Of its HTTP server, once it is started. */
  readonly url: string;
  readonly registry: Registry;
  /** What keeps it from consuming, in words; empty if nothing does. */
  problems(): readonly string[];
  /** Writes now what waits for its batch. */
  flushNow(): Promise<void>;
  /** The number of deliveries that are not settled. */
  unsettled(): number;
}

/** Room for many batches, so that one can be written while others fill. */
export const prefetchFor = (batchSize: number): number => Math.min(65_535, Math.max(1_000, batchSize * 25));

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
  const settings = readServiceSettings('consumer', env, output);
  warnOfDevelopmentCredentials(env, settings.log);
  return { service: createConsumer({ ...settings, postgresUrl: env.POSTGRES_URL }), log: settings.log };
}

/** What outlives the sessions. */
interface Connections {
  readonly broker: RecoveringChannelModel;
  readonly deadLetterBroker: RecoveringChannelModel;
  readonly redis: Redis;
  readonly sink: Sink;
}

class ConsumerService implements Consumer {
  readonly registry = createRegistry('consumer');
  readonly #options: ConsumerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: ConsumerMetrics;
  readonly #problems = new Map<string, string>([['session', 'not consuming yet']]);
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
    this.#metrics.tellBatchInterval(options.config.batch.interval);
    tellPipeline(this.registry, options.config);
    const isThere = (what: string) => () => !this.#problems.has(what);
    measureConnections(this.registry, { rabbitmq: isThere('broker'), redis: isThere('redis') });
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  async flushNow(): Promise<void> {
    await this.#running?.flushNow();
  }

  unsettled(): number {
    return this.#running?.unsettled() ?? 0;
  }

  async start(): Promise<void> {
    if (this.#sessions !== undefined || this.#stopping.signal.aborted) return;
    await this.#listen();
    const redis = this.#connectRedis();
    const broker = await this.#connectBroker();
    const deadLetterBroker = await this.#connectDeadLetterBroker();
    const sink = this.#createSink();
    const session = this.#sessionsOn({ redis, broker, deadLetterBroker, sink });
    this.#sessions = runSessions({
      session,
      sink,
      clock: this.#clock,
      log: this.#log,
      metrics: this.#metrics,
      onProblem: (what, problem) => this.#setProblem(what, problem),
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

  async #listen(): Promise<void> {
    const { port, host } = this.#options;
    const app = healthApp(this.registry, () => this.problems());
    this.#server = await listen(app, port, host);
    this.#releases.add('HTTP server', () => this.#server?.close());
  }

  #connectRedis(): Redis {
    const { redisUrl, instance, log } = this.#options;
    const redis = connectRedis({ url: redisUrl, connectionName: `consumer ${instance}`, log });
    this.#releases.add('Redis connection', () => redis.disconnect());
    measureEvictions(this.registry, redis);
    redis.on('close', () => this.#setProblem('redis', 'Redis is not connected'));
    redis.on('ready', () => this.#setProblem('redis', undefined));
    return redis;
  }

  async #connectBroker(): Promise<RecoveringChannelModel> {
    const { amqpUrl, instance, log } = this.#options;
    const onState = (connected: boolean) =>
      this.#setProblem('broker', connected ? undefined : 'RabbitMQ is not connected');
    onState(false);
    const broker = await connectBroker({ urls: amqpUrl, connectionName: `consumer ${instance}`, log, onState });
    this.#releases.add('RabbitMQ connection', () => broker.close());
    return broker;
  }

  async #connectDeadLetterBroker(): Promise<RecoveringChannelModel> {
    const { amqpUrl, instance, log } = this.#options;
    const broker = await connectBroker({
      urls: amqpUrl,
      connectionName: `consumer ${instance} dead letters`,
      log: log.child({ connection: 'dead letters' }),
    });
    this.#releases.add('RabbitMQ connection for dead letters', () => broker.close());
    return broker;
  }

  #createSink(): Sink {
    const { config, postgresUrl } = this.#options;
    const sink = createSink({ config, postgresUrl, clock: this.#clock });
    this.#releases.add('sink', () => sink.close());
    return sink;
  }

  /** Makes sessions. Here the adapters are chosen; a session knows only their ports. */
  #sessionsOn({ redis, sink, broker, deadLetterBroker }: Connections): () => Promise<SessionEnd> {
    const { config, log, instance } = this.#options;
    const clock = this.#clock;
    const shared = {
      config,
      entities: Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity)),
      merges: createMergeRows(config),
      topology: topologyOf(config),
      broker,
      deadLetterBroker,
      ledgers: new RedisLedgerStore({ redis, config, sink, clock, log }),
      buried: new RedisBuried(redis, config.name),
      seenAgain: redisSeenAgain(redis, config.name),
      sink,
      instance,
      prefetch: prefetchFor(config.batch.size),
      clock,
      log,
      metrics: this.#metrics,
      onSinkProblem: (problem: string | undefined) => this.#setProblem('sink', problem),
      onRunning: (running: RunningSession) => {
        this.#running = running;
        this.#setProblem('session', undefined);
      },
      stop: this.#stopping.signal,
      overdue: this.#overdue.signal,
    };
    return () => runSession({ ...shared, writer: newWriter(instance, clock) });
  }

  #unflushedAges(): Iterable<readonly [entity: string, milliseconds: number]> {
    const now = this.#clock.now();
    return (this.#running?.oldestUnflushed() ?? []).map(([entity, since]) => [entity, now - since] as const);
  }

  #setProblem(what: string, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(what);
    else this.#problems.set(what, problem);
  }
}

/** A writer's name is used once: the instance, the time, and chance for two that begin in the same millisecond. */
function newWriter(instance: string, clock: Clock): string {
  const safe = instance.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 60);
  return `${safe}-${clock.now().toString(36)}${randomBytes(2).toString('hex')}`;
}
