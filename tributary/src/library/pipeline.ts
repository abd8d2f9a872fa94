import type { EndpointReport, ResetFrom, RunResult } from '@tributary/producer';
import {
  createLogger,
  FatalError,
  type Logger,
  type PipelineConfig,
  type PipelineInput,
  ReleaseList,
  readInstance,
  systemClock,
  within,
} from '@tributary/shared';
import type { InMemory } from '../embedded/servers.js';
import { endpointsOf } from './died.js';
import { DurablePublisher } from './durable.js';
import type { EntitiesOf, EntityRecord, Tombstone } from './entities.js';
import { type EventName, Events, type Listener } from './events.js';
import { type Figures, readFigures } from './figures.js';
import { type Health, healthOf, tellProblems } from './health.js';
import { runOnce, type Summary } from './once.js';
import type { PipelineOptions, PipelineUrls, PublishSettings } from './options.js';
import { type QueryOptions, type QueryResult, runQuery } from './query.js';
import { type Services, startServices } from './services.js';

/** What has flowed since the start, and what is on its way. */
export interface Stats extends Figures {
  /** Records that were taken from the queues and are not settled yet. */
  readonly inFlight: number;
}

/** A pipeline with every service of it in this process. `Entities` are those of its configuration, by name. */
export interface Pipeline<Entities = EntitiesOf<string>> {
  /** As it was read and checked, with its defaults. This and the next four are known once it is started. */
  readonly config: PipelineConfig;
  readonly urls: PipelineUrls;
  /** What is kept in memory for lack of a server; empty if the environment names both servers. */
  readonly inMemory: readonly InMemory[];
  /** Where it is kept how far the endpoints came: where it outlives this process, or nowhere. */
  readonly marks: MarksPlace;
  /** What to sign in to the dashboard with; undefined where the environment has tokens of its own. */
  readonly dashboardToken: string | undefined;
  /**
   * Starts producer, consumer and dashboard, a RabbitMQ and a Redis in memory where the environment names none, and the mock CRM where the
   * pipeline polls `${CRM_URL}` and the environment names none. Whatever had started is released again if something fails. It does not wait for servers to answer: {@link health} tells. Safe to call again.
   * @throws ConfigError with every fault of the pipeline
   * @throws FatalError for settings that cannot be used, or servers in memory that do not start
   */
  start(): Promise<void>;
  /** Polls no more, writes what is under way, and releases everything. Safe to call again. It cannot be started again: create another. */
  stop(): Promise<void>;
  /** Polls an endpoint no more, or none of them; a poll in progress goes on. It stays so after a restart, if Redis does. */
  pause(endpoint?: string): Promise<void>;
  resume(endpoint?: string): Promise<void>;
  /**
   * Polls an endpoint now, or joins the poll in progress, and resolves when it has ended and all it brought is confirmed. A poll that fails is told
   * in the result's `error`.
   * @throws FatalError if there is no such endpoint that is polled
   */
  run(endpoint: string): Promise<RunResult>;
  /**
   * Polls every endpoint once, waits until everything is written, and sums it up. A poll that fails is told in the summary.
   * @throws FatalError if the pipeline polls on schedules
   * @throws FatalError if the sink or a server is away for 20 s, or nothing moves for 2 minutes
   */
  once(): Promise<Summary>;
  /**
   * Forgets how far an endpoint came: everything is polled again, or what changed since `since`, or what came after the checkpoint `to`. No row is
   * written twice.
   * @throws FatalError if there is no such endpoint, or if it does not have what is named
   */
  reset(endpoint: string, from?: ResetFrom): Promise<void>;
  /**
   * Sends a record with the fields of the entity, or a tombstone with `_deleted: true`. Resolves when RabbitMQ has confirmed it; with
   * `{ durable: true }` when its row is durable (or one of the same or a newer content of its key), whichever process writes it.
   * @throws FatalError in words if it is not valid, or, where `durable` is asked for, if it has become a dead letter or its key was erased
   * @throws RetryableError if it could not be taken for 45 s; or, where `durable` is asked for, if it is in its queue and not known to be durable in time
   */
  publish<E extends keyof Entities & string>(
    entity: E,
    record: EntityRecord<Entities[E]> | Tombstone<Entities[E]>,
    settings?: PublishSettings,
  ): Promise<void>;
  /**
   * Asks all datasets in SQL, as of now: `posts` has one row for each key, `posts_history` all that is kept. DuckDB's SQL for CSV files, Postgres' own for
   * Postgres. It can only read.
   * @throws SqlError for what the query is at fault for
   */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;
  /** What keeps the services from their work. */
  health(): Health;
  stats(): Promise<Stats>;
  /** What is known of each endpoint: its state, its last run, when it is polled next. */
  endpoints(): Promise<EndpointReport[]>;
  /** @returns a function that ends it */
  on<K extends EventName>(event: K, listener: Listener<K>): () => void;
}

/** `redis` and `output` (the folder of the rows) outlive the process. */
export type MarksPlace = 'redis' | 'output' | 'memory';

/** Milliseconds that `durable` waits at most. */
const TIMEOUT = 60_000;
/** Milliseconds for which `stop` waits for records that were published, so that whoever waits for them learns that they are durable. */
const LAST_RECORDS = 5_000;

/** Makes a pipeline; nothing runs until it is started. Listeners that are added before hear everything. */
export function createPipeline<const Config extends string | PipelineInput>(
  options: PipelineOptions<Config>,
): Pipeline<EntitiesOf<Config>> {
  return new OwnPipeline(options);
}

class OwnPipeline implements Pipeline {
  readonly #options: PipelineOptions;
  readonly #logger: (service: string) => Logger;
  readonly #events: Events;
  readonly #release = new ReleaseList();
  readonly #stopping = new AbortController();
  #services: Services | undefined;
  #durable: DurablePublisher | undefined;
  #lost: Error | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#logger = options.logger ?? warnings(options.env);
    this.#events = new Events((err) => this.#logger('tributary').error({ err }, 'a listener has failed'));
  }

  get config(): PipelineConfig {
    return this.#running.config;
  }

  get urls(): PipelineUrls {
    const { dashboard, producer, consumer, mockApi } = this.#running;
    return { dashboard: dashboard.url, producer: producer.url, consumer: consumer.url, mockApi: mockApi?.url };
  }

  get inMemory(): readonly InMemory[] {
    return this.#running.inMemory;
  }

  get marks(): MarksPlace {
    const { inMemory, markFile } = this.#running;
    if (!inMemory.includes('ledger')) return 'redis';
    return markFile !== undefined && !this.#isScheduled ? 'output' : 'memory';
  }

  get dashboardToken(): string | undefined {
    return this.#running.dashboardToken;
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined)
      return Promise.reject(new FatalError('pipeline_stopped', 'the pipeline was stopped; create another'));
    this.#started ??= this.#start();
    return this.#started;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  pause(endpoint?: string): Promise<void> {
    return this.#forEach(endpoint, 'pause');
  }

  resume(endpoint?: string): Promise<void> {
    return this.#forEach(endpoint, 'resume');
  }

  async run(endpoint: string): Promise<RunResult> {
    return await this.#live.producer.operations.run(endpoint);
  }

  async once(): Promise<Summary> {
    if (this.#isScheduled)
      throw new FatalError(
        'pipeline_scheduled',
        'this pipeline polls on its schedules; start it with schedule: false to poll once',
      );
    const summary = await runOnce(this.#live, systemClock, this.#stopping.signal);
    return await this.#keepMarks(summary);
  }

  async reset(endpoint: string, from?: ResetFrom): Promise<void> {
    await this.#live.producer.operations.command(endpoint, 'reset', from);
  }

  async publish(entity: string, record: unknown, { durable = false, timeout = TIMEOUT }: PublishSettings = {}) {
    const { operations } = this.#live.producer;
    if (!(timeout > 0)) throw new FatalError('timeout_invalid', `timeout is ${timeout}: expected milliseconds above 0`);
    if (durable) await this.#durable?.publish(entity, record, timeout);
    else await operations.send(entity, record);
  }

  async query(sql: string, options?: QueryOptions): Promise<QueryResult> {
    return await runQuery(this.#live.dashboard.sql, sql, options);
  }

  health(): Health {
    return healthOf(this.#services, this.#lost);
  }

  async stats(): Promise<Stats> {
    const services = this.#running;
    return { ...(await readFigures(services)), inFlight: services.consumer.unsettled() };
  }

  async endpoints(): Promise<EndpointReport[]> {
    return await this.#running.producer.operations.endpoints();
  }

  on<K extends EventName>(event: K, listener: Listener<K>): () => void {
    return this.#events.on(event, listener);
  }

  get #isScheduled(): boolean {
    return this.#options.schedule ?? true;
  }

  get #running(): Services {
    if (this.#services === undefined)
      throw new FatalError('pipeline_not_started', 'the pipeline is not started: await start() first');
    return this.#services;
  }

  /** For what can only be done while it runs. */
  get #live(): Services {
    if (this.#stopped !== undefined) throw new FatalError('pipeline_stopped', 'the pipeline was stopped');
    return this.#running;
  }

  async #start(): Promise<void> {
    const events = this.#events;
    try {
      const options = { ...this.#options, logger: this.#logger };
      const services = await startServices(options, this.#release, {
        observer: {
          written: (dataset, rows) => {
            if (!events.has('written')) return;
            const told = rows.map(({ key, values, messageId }) => ({ key, values, messageId }));
            events.emit('written', { dataset, rows: told });
          },
          dead: (record) => {
            this.#durable?.dead(record);
            events.emit('dead', record);
          },
          erased: (record) => this.#durable?.erased(record),
          tooOld: (record) => this.#durable?.tooOld(record),
        },
        onRun: (summary) => events.emit('run', summary),
        onAlert: (news) => events.emit('alert', news),
        onLost: (error) => this.#loses(error),
      });
      this.#services = services;
      const { consumer, producer } = services;
      const { signal } = this.#stopping;
      this.#durable = new DurablePublisher({ operations: producer.operations, consumer, clock: systemClock, signal });
      void tellProblems(
        () => this.health(),
        (error) => events.emit('error', error),
        systemClock,
        signal,
      );
    } catch (error) {
      await this.#release.release().catch(() => {});
      throw error;
    }
  }

  async #stop(): Promise<void> {
    await this.#started?.catch(() => {});
    const published = this.#durable?.idle();
    if (published !== undefined) await within(systemClock, LAST_RECORDS, published);
    this.#stopping.abort(
      new FatalError('pipeline_stopped', 'the pipeline was stopped before the rows were known to be durable'),
    );
    await this.#release.release();
  }

  #loses(error: Error): void {
    this.#lost = error;
    if (this.#events.has('error')) this.#events.emit('error', error);
    else this.#logger('tributary').fatal({ reason: error.message }, 'nothing flows any more');
  }

  async #forEach(endpoint: string | undefined, command: 'pause' | 'resume'): Promise<void> {
    const { operations } = this.#live.producer;
    const ids = endpoint === undefined ? (await operations.endpoints()).map((one) => one.endpoint) : [endpoint];
    for (const id of ids) await operations.command(id, command);
  }

  /**
   * Every record of the round is durable by now, or has died. Dead letters in memory end with this process, so the marks that
   * would pass one stay where they were: its endpoint brings it again.
   */
  async #keepMarks(summary: Summary): Promise<Summary> {
    const { markFile, producer, consumer, config, inMemory } = this.#running;
    if (this.#stopped !== undefined) return summary;
    const failed = summary.endpoints.flatMap(({ endpoint, error }) => (error === undefined ? [] : [endpoint]));
    if (markFile === undefined) {
      // Without a mark, the next round reads everything, also what was moved away.
      if (inMemory.includes('ledger')) await producer.kept(new Set(failed));
      return summary;
    }
    const marks = await producer.marks();
    const died = inMemory.includes('queues') ? consumer.deadRecords() : [];
    const withheld = endpointsOf(died, config);
    await markFile.write(marks, withheld);
    await producer.kept(new Set([...withheld, ...failed]));
    const stay = Object.keys(marks.endpoints).filter((id) => withheld.has(id));
    return stay.length === 0 ? summary : { ...summary, withheld: stay };
  }
}

/** JSON lines on stderr, for a program that brings no logger. */
function warnings(env: PipelineOptions['env'] = {}): (service: string) => Logger {
  const instance = readInstance(env);
  const level = env.LOG_LEVEL;
  return (service) => createLogger({ service, instance, level, usual: 'warn' }, process.stderr);
}
