import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  adviceOn,
  type Clock,
  createRegistry,
  DEFAULT_SHUTDOWN_DEADLINE,
  doorApp,
  interruptible,
  keepHeapSmall,
  type LogOutput,
  linesOf,
  listen,
  measureBlocked,
  measureConnections,
  openTelemetry,
  type QueueDepths,
  type Registry,
  ReleaseList,
  RetryableError,
  readHooksAddress,
  readServiceSettings,
  readToken,
  type Service,
  type ServiceEnvironment,
  ServiceGuard,
  type ServiceProcess,
  type ServiceRoute,
  type ServiceSettings,
  serviceApp,
  systemClock,
  type Telemetry,
  tellPipeline,
  topologyOf,
  warnOfDevelopmentCredentials,
  within,
} from '@tributary/shared';
import type { CursorStore } from './cursor/cursor.js';
import { restoreMarks, type SavedMarks, takeMarks } from './cursor/saved-marks.js';
import { compileEndpoints, type Endpoint } from './endpoint.js';
import { Leases } from './leases/leases.js';
import type { LeaseTable } from './leases/table.js';
import { createPollMetrics, registerGateMetrics, registerPublishMetrics } from './metrics.js';
import { Control } from './operate/control.js';
import { Operations } from './operate/operations.js';
import { operationRoutes } from './operate/routes.js';
import { tryRoute } from './operate/try-route.js';
import type { PollSummary } from './poll/progress.js';
import { openPublisher } from './publish/open.js';
import type { Publisher } from './publish/publisher.js';
import { confirmedNoter } from './publish/recovery.js';
import { type Confirmed, watchLosses } from './publish/watch-losses.js';
import { createDuties } from './schedule/duties.js';
import type { Duty } from './schedule/duty.js';
import { NO_KEYS, type ProtectionKeys, readProtectionKeys } from './shape/protect/keys.js';
import { LONGEST_IDLE_WAIT } from './sources/port.js';
import type { ProgramSources } from './sources/program.js';
import { memoryTokenStore } from './sources/rest/auth/token-store.js';
import { type Proxies, proxiesOf } from './sources/rest/proxies.js';
import { createSurroundings } from './sources/surroundings.js';
import { type Doors, openDoors } from './sources/webhook/open.js';
import { hookRoutes, sentRecordsRoute } from './sources/webhook/routes.js';
import { memoryStores, openRedisStores, type Stores } from './stores.js';

export interface ProducerOptions extends ServiceSettings {
  readonly clock?: Clock;
  /** The token for commands over HTTP; without it, all commands are refused. */
  readonly adminToken?: string | undefined;
  /** What tokens are encrypted with in Redis; without it, those that a server gives are kept in this process only. */
  readonly secret?: string | undefined;
  /** What protections of fields need; none unless given. */
  readonly protectionKeys?: ProtectionKeys | undefined;
  /** The proxies between the producer and the APIs; none unless given. */
  readonly proxies?: Proxies;
  /** Sources of the program that holds the producer; none unless given. */
  readonly programSources?: ProgramSources | undefined;
  /** False: nothing is polled until `pollOnce` is called. */
  readonly schedule: boolean;
  /** Where cursors are stored, if not in Redis; then Redis is not used at all. */
  readonly cursors?: CursorStore | undefined;
  /** Where events of webhooks are taken, if not on the port of the other routes. */
  readonly webhooks?: { readonly port: number; readonly host: string } | undefined;
  /** How far the endpoints had come, where Redis does not outlive the process. */
  readonly marks?: SavedMarks | undefined;
  /** Called with what each poll came to. It must not throw. */
  readonly onRun?: ((summary: PollSummary) => void) | undefined;
  /** False: cursors end with the process, and the caller keeps the marks, and says so by `kept`. True unless given. */
  readonly isLasting?: boolean;
}

export interface Producer extends Service {
  /** The URL of its HTTP server, once it is started. */
  readonly url: string;
  /** Where it takes events: the same, unless they have a port of their own. */
  readonly hooksUrl: string;
  readonly registry: Registry;
  /** Polls every enabled endpoint once, all at the same time. Never rejects: the summary of a failed poll holds its error. */
  pollOnce(): Promise<PollSummary[]>;
  /** What the program that holds it can ask of it, once it is started. */
  readonly operations: Operations;
  /** What keeps it from its work, in words; empty if nothing does. */
  problems(): readonly string[];
  /** What RabbitMQ has confirmed and lost again, in words; it is not polled again yet. */
  losses(): readonly string[];
  /** How many records RabbitMQ has confirmed that no consumer has settled yet; undefined where that is not kept: without Redis. */
  unsettled(): Promise<number | undefined>;
  /** How far the endpoints have come, to be kept where Redis does not outlive the process. */
  marks(): Promise<SavedMarks>;
  /**
   * The marks are kept, and every record below them is durable: sources may let go of what they have read, such as files that are moved then.
   * @param withheld endpoints whose polls failed, or whose marks were not kept
   */
  kept(withheld: ReadonlySet<string>): Promise<void>;
}

/**
 * Polls the endpoints of a pipeline and publishes their records. It starts also while broker, Redis or APIs are away, and
 * waits for them; `/readyz` says what it waits for.
 */
export function createProducer(options: ProducerOptions): Producer {
  return new ProducerService(options);
}

/**
 * A producer that is a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @throws FatalError for settings or a pipeline that cannot be used
 */
export function producerProcess(env: ServiceEnvironment, output?: LogOutput): ServiceProcess {
  keepHeapSmall();
  const settings = readServiceSettings('producer', env, output);
  warnOfDevelopmentCredentials(env, settings.log);
  for (const advice of adviceOn(settings.config, env)) settings.log.warn(advice);
  const adminToken = readToken(env, 'ADMIN_TOKEN');
  const secret = env.TRIBUTARY_SECRET || undefined;
  const service = createProducer({
    ...settings,
    adminToken,
    secret,
    protectionKeys: readProtectionKeys(env),
    proxies: proxiesOf(env),
    webhooks: readHooksAddress(env),
    schedule: true,
  });
  return { service, log: settings.log };
}

class ProducerService implements Producer {
  readonly registry = createRegistry('producer');
  readonly #options: ProducerOptions;
  readonly #clock: Clock;
  readonly #releases = new ReleaseList();
  readonly #stopping = new AbortController();
  #duties: ReadonlyMap<string, Duty> = new Map();
  #leases: Leases | undefined;
  #publisher: Publisher | undefined;
  #endpoints: readonly Endpoint[] = [];
  #kept: Stores | undefined;
  #confirmed: Confirmed | undefined;
  #doors: Doors | undefined;
  #operations: Operations | undefined;
  #problems: () => readonly string[] = () => ['not started yet'];
  /** Which other pipeline has our name, in words. */
  #rival: string | undefined;
  #url = '';
  #hooksUrl = '';
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    tellPipeline(this.registry, options.config, options.instance);
    // Every run in progress listens to it, and there may be ninety: that is not a leak.
    setMaxListeners(0, this.#stopping.signal);
  }

  get url(): string {
    return this.#url;
  }

  get hooksUrl(): string {
    return this.#hooksUrl || this.#url;
  }

  start(): Promise<void> {
    this.#started ??= this.#start().catch(async (error: unknown) => {
      await this.#releases.release();
      throw error;
    });
    return this.#started;
  }

  async pollOnce(): Promise<PollSummary[]> {
    await this.#started;
    const stored = this.#kept?.states;
    const poll = async ({ runner, endpoint }: Duty) => {
      // What an API asked for is heeded, though no schedule goes on from the state that is stored.
      if (runner.state === undefined && stored !== undefined) {
        const loading = interruptible(stored.load(endpoint), this.#stopping.signal);
        runner.continue(await loading.catch(() => undefined));
      }
      return await runner.run();
    };
    const polled = [...this.#duties.values()].filter(({ endpoint }) => endpoint.isPolled);
    const summaries = await Promise.all(polled.map(poll));
    return summaries.flatMap((summary) => [summary, ...(summary.children ?? [])]);
  }

  get operations(): Operations {
    if (this.#operations === undefined) throw new Error('the producer has not been started');
    return this.#operations;
  }

  problems(): readonly string[] {
    return this.#problems();
  }

  losses(): readonly string[] {
    return this.#confirmed?.problems() ?? [];
  }

  async unsettled(): Promise<number | undefined> {
    return await this.#confirmed?.unsettled();
  }

  async marks(): Promise<SavedMarks> {
    await this.#started;
    if (this.#kept === undefined) throw new Error('the producer has not been started');
    return await takeMarks(this.#endpoints, this.#kept, this.#clock.now());
  }

  async kept(withheld: ReadonlySet<string>): Promise<void> {
    for (const duty of this.#duties.values()) if (!withheld.has(duty.endpoint.id)) await duty.kept();
  }

  stop(deadline = DEFAULT_SHUTDOWN_DEADLINE): Promise<void> {
    this.#stopped ??= this.#stop(deadline);
    return this.#stopped;
  }

  async #start(): Promise<void> {
    if (this.#stopped !== undefined) throw new Error('the producer was stopped; make another');
    const { config, amqpUrl, instance, log } = this.#options;
    const { proxies, programSources } = this.#options;
    const telemetry = await this.#openTelemetry();
    const kept = this.#openStores();
    const tokens = { passing: memoryTokenStore(), lasting: kept.tokens };
    const { limits } = config;
    const surroundings = createSurroundings({ limits, proxies, clock: this.#clock, tokens, programSources, telemetry });
    this.#releases.add('the connections of the sources', () => surroundings.close());
    this.#kept = kept;
    const { publications } = kept;
    const broker = {
      amqpUrl,
      instance,
      topology: topologyOf(config),
      clock: this.#clock,
      log,
      drawn: publications && (() => publications.drawn),
      pack: config.pack,
      isTraced: telemetry !== undefined,
    };
    const { publisher, problem, isBlocked, depths } = await openPublisher(broker, this.#releases);
    this.#publisher = publisher;

    const { registry } = this;
    registerPublishMetrics(registry, () => publisher.stats);
    registerGateMetrics(registry, () => surroundings.gate.load);
    surroundings.streams.measure(registry);
    surroundings.readings.measure(registry, this.#isMine);
    const metrics = createPollMetrics(registry);
    measureConnections(registry, {
      rabbitmq: () => problem() === undefined,
      redis: () => kept.problem() === undefined,
    });
    measureBlocked(registry, isBlocked);
    const endpoints = compileEndpoints(config, this.#options.protectionKeys);
    this.#endpoints = endpoints;
    const problems = () =>
      [problem(), kept.problem(), this.#rival, ...losses.problems(), ...surroundings.streams.problems()].filter(
        (text) => text !== undefined,
      );
    const doors = openDoors({
      config,
      instance,
      endpoints,
      protectionKeys: this.#options.protectionKeys ?? NO_KEYS,
      publisher,
      stores: kept,
      topology: broker.topology,
      registry,
      pollMetrics: metrics,
      clock: this.#clock,
      log,
      telemetry,
      problem: () =>
        problem() ?? kept.problem() ?? this.#rival ?? (isBlocked() ? 'RabbitMQ takes no messages now' : undefined),
      isPaused: (id) => this.#leases?.claim(id)?.paused ?? false,
      beatNow: () => this.#leases?.beatNow(),
    });
    this.#doors = doors;
    const losses = this.#watchLosses(kept, depths);
    this.#confirmed = losses;
    const { queues } = broker.topology;
    const confirmed = publications === undefined ? {} : { confirmed: confirmedNoter(publications, queues) };
    const { marks } = this.#options;
    if (marks !== undefined) await restoreMarks(endpoints, kept.unleased, marks);
    const signal = this.#stopping.signal;
    // A person waits for a single round.
    const patience = this.#options.schedule ? undefined : LONGEST_IDLE_WAIT;
    const common = { publisher, surroundings, metrics, clock: this.#clock, log, instance, signal, patience, telemetry };
    const { isLasting, onRun } = this.#options;
    const dutyOptions = { ...kept, ...common, ...confirmed, isLasting, onRun };
    this.#duties = createDuties(endpoints, dutyOptions);
    const leases = this.#createLeases(kept.table);
    this.#leases = leases;
    const control = new Control({
      ...kept,
      endpoints,
      duties: this.#duties,
      leases,
      clock: this.#clock,
      streams: surroundings.streams,
      readings: surroundings.readings,
    });
    this.#problems = problems;
    this.#operations = new Operations({
      control,
      duties: this.#duties,
      isMine: this.#isMine,
      records: doors.records,
      publications,
      clock: this.#clock,
      signal,
    });
    await this.#listen(control, problems);
    // Without a schedule, the caller of pollOnce makes sure that no other producer polls.
    if (this.#options.schedule) {
      void this.#claim(kept).then(() => {
        if (this.#stopped === undefined) leases.start();
      });
    }
    log.info({ endpoints: endpoints.length, url: this.#url }, 'the producer runs');
  }

  async #openTelemetry(): Promise<Telemetry | undefined> {
    const { telemetry: settings, instance, log } = this.#options;
    if (settings === undefined) return undefined;
    const options = { settings, service: 'tributary-producer', instance, log, registry: this.registry };
    const telemetry = await openTelemetry(options);
    this.#releases.add('the traces', () => telemetry.close());
    return telemetry;
  }

  /** Resolves when no other pipeline has our name. */
  #claim(kept: Stores): Promise<void> {
    const { config, instance, log } = this.#options;
    return kept.claim({
      config,
      service: `producer ${instance} ${randomBytes(4).toString('hex')}`,
      clock: this.#clock,
      onProblem: (problem) => {
        if (problem !== undefined && this.#rival === undefined) log.error(problem);
        this.#rival = problem;
      },
      onTwin: (words) => log.warn(words),
      signal: this.#stopping.signal,
    });
  }

  /** Without a schedule, the caller of pollOnce makes sure that no other producer polls. */
  readonly #isMine = (id: string): boolean => !this.#options.schedule || this.#leases?.fence(id) !== undefined;

  #watchLosses(stores: Stores, depths: QueueDepths): Confirmed {
    const { log, amqpUrl, schedule } = this.#options;
    const endpoints = this.#endpoints;
    const { registry } = this;
    const clock = this.#clock;
    const duties = () => this.#duties;
    const isMine = this.#isMine;
    const doors = this.#doors;
    const options = { stores, depths, endpoints, duties, isMine, schedule, registry, clock, log, amqpUrl, doors };
    return watchLosses(options, this.#releases);
  }

  async #listen(control: Control, problems: () => readonly string[]): Promise<void> {
    const { instance, adminToken, reading, readToken, port, host, log } = this.#options;
    const { config, proxies = {}, redisUrl, secret } = this.#options;
    const guard = new ServiceGuard({ reading, readToken, adminToken, clock: this.#clock });
    const hooks = hookRoutes(() => this.#doors?.door);
    const own = [
      ...operationRoutes({ control, instance, lines: (id) => linesOf(log, id) }),
      tryRoute({ config, clock: this.#clock, proxies, redisUrl, secret, keys: this.#options.protectionKeys }),
      sentRecordsRoute(() => this.#doors?.records),
    ];
    const { webhooks } = this.#options;
    const app = serviceApp(this.registry, problems, guard, webhooks === undefined ? [...own, ...hooks] : own);
    const http = await listen(app, port, host);
    this.#releases.add('the HTTP server', () => http.close());
    this.#url = http.url;
    if (webhooks !== undefined) await this.#listenOutside(webhooks, hooks, problems);
  }

  /** A port that may be reached from outside: nothing else answers there, and no reason is told without a token. */
  async #listenOutside(
    { port, host }: NonNullable<ProducerOptions['webhooks']>,
    hooks: readonly ServiceRoute[],
    problems: () => readonly string[],
  ): Promise<void> {
    const { adminToken, readToken, log } = this.#options;
    const guard = new ServiceGuard({ reading: 'token', readToken, adminToken, clock: this.#clock });
    const http = await listen(doorApp(problems, guard, hooks), port, host);
    this.#releases.add('the HTTP server for events', () => http.close());
    this.#hooksUrl = http.url;
    log.info({ url: http.url }, 'events are taken here, and not on the port of the producer');
  }

  /** Endpoints are polled by the producer that holds their lease. */
  #createLeases(table: LeaseTable): Leases {
    const { instance, log } = this.#options;
    return new Leases({
      table,
      me: `${instance} ${randomBytes(4).toString('hex')}`,
      endpoints: [...this.#duties.keys()],
      clock: this.#clock,
      monotonic: () => performance.now(),
      log,
      isBusy: (id) => this.#duties.get(id)?.runner.isBusy ?? false,
      onHeld: (id) => {
        if (this.#stopping.signal.aborted) return;
        void this.#duties.get(id)?.hold();
      },
      onLost: (id) => this.#duties.get(id)?.drop(),
      onClaim: (id, claim) => this.#duties.get(id)?.applyClaim(claim),
    });
  }

  #openStores(): Stores {
    const { config, cursors, redisUrl, instance, log, schedule, secret } = this.#options;
    if (cursors !== undefined) return memoryStores(cursors);
    const fenceOf = (id: string) => (schedule ? (this.#leases?.fence(id) ?? 0) : undefined);
    return openRedisStores(
      { redisUrl, instance, pipeline: config.name, log, clock: this.#clock, secret, fenceOf },
      this.#releases,
    );
  }

  async #stop(deadline: number): Promise<void> {
    await this.#started?.catch(() => {});
    for (const duty of this.#duties.values()) duty.stop();
    // Requests are aborted. Records already fetched are confirmed if there is time, or they would be fetched again.
    this.#stopping.abort(new RetryableError('stopping', 'the producer is stopping'));
    const ended = Promise.all([...this.#duties.values()].map(({ runner }) => runner.current)).then(() =>
      Promise.all([this.#publisher?.drained(), this.#doors?.close()]),
    );
    await within(this.#clock, deadline, ended);
    await this.#leases?.leave();
    await this.#releases.release();
    await ended;
  }
}
