import { randomBytes } from 'node:crypto';
import {
  type Clock,
  compileEntity,
  connectBroker,
  connectRedis,
  createRegistry,
  DEFAULT_SHUTDOWN_DEADLINE,
  describeError,
  healthApp,
  type Listening,
  type LogOutput,
  listen,
  measureConnections,
  type Registry,
  ReleaseList,
  readServiceSettings,
  type Service,
  type ServiceEnvironment,
  type ServiceProcess,
  type ServiceSettings,
  systemClock,
  tellPipeline,
  topologyOf,
  warnOfDevelopmentCredentials,
} from '@tributary/shared';
import { createMergeRows } from './merge/rows.js';
import { measureEvictions } from './metrics/evictions.js';
import { ConsumerMetrics } from './metrics/metrics.js';
import { type RunningSession, runSession, type SessionEnd } from './session.js';
import { createSink } from './sinks/create.js';
import type { Sink } from './sinks/port.js';

export interface ConsumerOptions extends ServiceSettings {
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  readonly clock?: Clock;
}

export interface Consumer extends Service {
  readonly url: string;
  readonly registry: Registry;
  /** What keeps it from consuming, in words; empty if nothing does. */
  problems(): readonly string[];
  /** Writes what waits for its batch now. */
  flushNow(): Promise<void>;
  /** Deliveries that are not settled. */
  unsettled(): number;
}

/** A session that lasted this many milliseconds had begun well. */
const LASTING = 10_000;

/** Milliseconds. */
const PROBE_TIMEOUT = 10_000;

/** Room for many batches, so that one can be written while others fill. */
export const prefetchFor = (batchSize: number): number => Math.min(65_535, Math.max(1_000, batchSize * 25));

/** A consumer of every queue of the pipeline. It waits for whatever is away, and never gives up. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { config, log, instance } = options;
  const clock = options.clock ?? systemClock;
  const problems = new Map<string, string>([['session', 'not consuming yet']]);
  const release = new ReleaseList();
  const stopping = new AbortController();
  const overdue = new AbortController();
  let running: RunningSession | undefined;
  let sessions: Promise<void> | undefined;
  let server: Listening | undefined;

  const setProblem = (what: string) => (problem: string | undefined) => {
    if (problem === undefined) problems.delete(what);
    else problems.set(what, problem);
  };
  const registry = createRegistry('consumer');
  tellPipeline(registry, config);
  const metrics = new ConsumerMetrics(registry, () =>
    (running?.oldestUnflushed() ?? []).map(([entity, since]) => [entity, clock.now() - since] as const),
  );
  metrics.measureUnsettled(() => running?.unsettled() ?? 0);
  metrics.tellBatchInterval(config.batch.interval);
  const isAway = (what: string) => problems.has(what);
  measureConnections(registry, { rabbitmq: () => !isAway('broker'), redis: () => !isAway('redis') });

  async function start(): Promise<void> {
    if (sessions !== undefined || stopping.signal.aborted) return;
    server = await listen(
      healthApp(registry, () => [...problems.values()]),
      options.port,
      options.host,
    );
    release.add('HTTP server', () => server?.close());

    const connectionName = `consumer ${instance}`;
    const redis = connectRedis({ url: options.redisUrl, connectionName, log });
    release.add('Redis connection', () => redis.disconnect());
    measureEvictions(registry, redis);
    redis.on('close', () => setProblem('redis')('Redis is not connected'));
    redis.on('ready', () => setProblem('redis')(undefined));
    const onState = (connected: boolean) => setProblem('broker')(connected ? undefined : 'RabbitMQ is not connected');
    onState(false);
    const broker = await connectBroker({ urls: options.amqpUrl, connectionName, log, onState });
    release.add('RabbitMQ connection', () => broker.close());
    const deadLetterBroker = await connectBroker({
      urls: options.amqpUrl,
      connectionName: `${connectionName} dead letters`,
      log: log.child({ connection: 'dead letters' }),
    });
    release.add('RabbitMQ connection for dead letters', () => deadLetterBroker.close());

    const sink: Sink = createSink({ config, postgresUrl: options.postgresUrl, clock });
    release.add('sink', () => sink.close());
    const entities = Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity));
    const mergeRows = createMergeRows(config);

    const session = (): Promise<SessionEnd> =>
      runSession({
        ...{ config, entities, mergeRows, broker, deadLetterBroker, redis, sink, instance, clock, log, metrics },
        topology: topologyOf(config),
        writer: newWriter(instance, clock),
        prefetch: prefetchFor(config.batch.size),
        onSinkProblem: setProblem('sink'),
        onRunning: (session) => {
          running = session;
          setProblem('session')(undefined);
        },
        stop: stopping.signal,
        overdue: overdue.signal,
      });
    sessions = runSessions(session, sink);
  }

  /** One session after another, for as long as nobody stops it. */
  async function runSessions(session: () => Promise<SessionEnd>, sink: Sink): Promise<void> {
    let after = 'start';
    for (let failures = 0; !stopping.signal.aborted; ) {
      if (!(await waitForSink(sink))) return;
      metrics.sessionBegan(after);
      const began = clock.now();
      const end = await session().catch((error: unknown) => ({
        after: 'failed' as const,
        reason: describeError(error),
      }));
      running = undefined;
      if (end.after === 'stopped' || stopping.signal.aborted) return;
      after = end.after;
      setProblem('session')(`not consuming: ${end.after}${end.reason === undefined ? '' : `: ${end.reason}`}`);
      // What fails at once fails again: each time it waits longer, so that neither log nor delivery counts run away.
      failures = clock.now() - began > LASTING ? 0 : failures + 1;
      const delay = Math.min(250 * 2 ** failures, 30_000);
      log.warn(
        { after, reason: end.reason, delayMs: delay },
        'beginning anew with a new writer; what was not acknowledged comes again',
      );
      await clock.sleep(delay, stopping.signal);
    }
  }

  /** Nothing is taken from the queues while nothing could be written. @returns false if stopped meanwhile */
  async function waitForSink(sink: Sink): Promise<boolean> {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        await answered(sink.probe(), clock, stopping.signal);
        setProblem('sink')(undefined);
        return true;
      } catch (error) {
        const reason = describeError(error);
        setProblem('sink')(`the sink cannot be written: ${reason}`);
        if (attempt === 1) log.error({ reason }, 'the sink cannot be written: nothing is consumed until it can');
        await clock.sleep(Math.min(250 * 2 ** attempt, 5_000), stopping.signal);
      }
    }
    return false;
  }

  async function stop(deadline = DEFAULT_SHUTDOWN_DEADLINE): Promise<void> {
    stopping.abort();
    // Where nothing is begun there is nothing to wait for.
    if (running === undefined) overdue.abort();
    const timer = new AbortController();
    const finished = await Promise.race([
      (sessions ?? Promise.resolve()).then(() => true),
      systemClock.sleep(running === undefined ? Math.min(deadline, 1_000) : deadline, timer.signal).then(() => false),
    ]);
    timer.abort();
    if (!finished && running !== undefined) {
      log.warn({ deadlineMs: deadline }, 'not everything could be written in time; the rest comes again');
    }
    overdue.abort();
    await release.release();
  }

  return {
    start,
    stop,
    registry,
    problems: () => [...problems.values()],
    get url() {
      return server?.url ?? '';
    },
    flushNow: async () => running?.flushNow(),
    unsettled: () => running?.unsettled() ?? 0,
  };
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

/**
 * A folder may never answer: a network file system that is away, or one in which none can be made.
 * @throws Error saying so
 */
async function answered(probe: Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const silence = clock.sleep(PROBE_TIMEOUT, AbortSignal.any([done.signal, signal])).then(() => {
    if (!done.signal.aborted)
      throw new Error(`no answer within ${PROBE_TIMEOUT / 1_000} s; is it a place that can be written to?`);
  });
  await Promise.race([probe, silence]).finally(() => done.abort());
}

/** A writer's name is used once: the instance, the time, and chance for two that begin in the same millisecond. */
function newWriter(instance: string, clock: Clock): string {
  const safe = instance.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 60);
  return `${safe}-${clock.now().toString(36)}${randomBytes(2).toString('hex')}`;
}
