import { dirname } from 'node:path';
import {
  type Clock,
  createLogger,
  type Environment,
  isLoopback,
  type Logger,
  type LogOutput,
  listen,
  loadPipeline,
  type PipelineConfig,
  PORTS,
  queriesFileOf,
  ReleaseList,
  readInstance,
  readPort,
  type Service,
  type ServiceEnvironment,
  type ServiceProcess,
  systemClock,
  variable,
} from '@tributary/shared';
import { Guard } from './access/guard.js';
import { Tokens } from './access/roles.js';
import { Alerts } from './alerts/alerts.js';
import type { AlertNews } from './alerts/news.js';
import { createAlertStore } from './alerts/stores/create.js';
import { AuditLog, DEFAULT_AUDIT_LOG } from './audit/audit.js';
import { readConfiguration } from './configuration/configuration.js';
import { createReader } from './data/readers/create.js';
import { Broker } from './dead-letters/broker.js';
import { memoryDaily } from './dead-letters/daily.js';
import { DeadLetters, type SweepLimits } from './dead-letters/dead-letters.js';
import { Listing } from './dead-letters/listing.js';
import { LetterRetention } from './dead-letters/retention.js';
import { Exports } from './exports/exports.js';
import { memoryExportState } from './exports/state/port.js';
import { Live } from './flow/live.js';
import { Observer, type ServiceUrls } from './flow/observer.js';
import { createDashboardApp } from './http/app.js';
import type { Context } from './http/context.js';
import { type DashboardSettings, readDashboardSettings, readServiceUrls } from './settings.js';
import type { Discover } from './sources/discover.js';
import { createSqlEngine } from './sql/engine.js';
import type { SqlEngine } from './sql/port.js';
import { SavedQueries } from './sql/saved.js';
import { type OpenedJournal, openJournal } from './trace/journal.js';

export interface DashboardOptions extends DashboardSettings {
  readonly config: PipelineConfig;
  /** 0 for any free port. */
  readonly port: number;
  readonly host: string;
  readonly instance: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Where queues and dead letters are; without it the page shows data alone, and says so. */
  readonly amqpUrl?: string | undefined;
  /** Where producers and consumers note what a trace tells of runs and duplicates; without it the trace says so. */
  readonly redisUrl?: string | undefined;
  /** Whether the Redis ends with this process: what has to outlive it is kept in a file then. */
  readonly redisIsPassing?: boolean | undefined;
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** Where producers and consumers answer, for the picture of what flows. */
  readonly services?: (() => ServiceUrls) | undefined;
  /** The mock CRM's address, in demo mode. */
  readonly mockApi?: (() => string | undefined) | undefined;
  /** The pipeline file, and the environment that it is filled in from; without them the page of the configuration says that there is none. */
  readonly source?: { readonly file: string; readonly env: Environment } | undefined;
  /** Looks at an API that a person pastes; without it the page says who can. */
  readonly discover?: Discover | undefined;
  /** Called with each alert that begins to fire or ends, if this dashboard judges them. It must not throw. */
  readonly onAlert?: ((news: AlertNews) => void) | undefined;
  /** How many dead letters are taken at once; for tests. */
  readonly sweepLimits?: Partial<SweepLimits> | undefined;
  /** Milliseconds after which an answer is cut that a client still reads; for tests. */
  readonly longestAnswer?: number | undefined;
}

export interface Dashboard extends Service {
  /** Where the page is; empty before `start`. */
  readonly url: string;
  /** Asks all datasets in SQL. */
  readonly sql: Pick<SqlEngine, 'run'>;
}

/** The dashboard as a service. `start` resolves when the page can be opened. */
export function createDashboard(options: DashboardOptions): Dashboard {
  return new DashboardService(options);
}

class DashboardService implements Dashboard {
  readonly #options: DashboardOptions;
  readonly #clock: Clock;
  readonly #broker: Broker;
  /** All that operations work with, but for what `start` opens. */
  readonly #context: Omit<Context, 'journal' | 'registry' | 'exports'>;
  readonly #folder: string | undefined;
  readonly #releases = new ReleaseList();
  #url = '';
  #started: Promise<void> | undefined;

  constructor(options: DashboardOptions) {
    const { config, instance, log, amqpUrl, postgresUrl, producerToken } = options;
    const clock = options.clock ?? systemClock;
    this.#options = options;
    this.#clock = clock;
    const broker = new Broker({ urls: amqpUrl ?? '', connectionName: `tributary dashboard ${instance}`, log });
    this.#broker = broker;
    const audit = new AuditLog(options.auditLog || DEFAULT_AUDIT_LOG, clock, config.name);
    // In a container, what is written to the folder for temporary files may be kept in memory.
    const folder = options.auditLog ? dirname(options.auditLog) : undefined;
    const reader = createReader({ config, postgresUrl, folder, clock, log });
    this.#folder = folder;
    const auditLog = options.auditLog || DEFAULT_AUDIT_LOG;
    const sql = {
      engine: createSqlEngine({ config, reader, postgresUrl, sqlUrl: options.sqlUrl, folder, clock }),
      role: options.sqlRole ?? 'viewer',
      saved: new SavedQueries(queriesFileOf(auditLog, config.name), clock),
      folder,
    };
    const services = options.services ?? (() => ({ producers: [], consumers: [] }));
    const observer = new Observer({
      config,
      broker,
      brokerKnown: Boolean(amqpUrl),
      reader,
      services,
      readToken: options.readToken,
      firing: () => alerts.firing,
      clock,
      log,
      keepIn: options.keepIn,
    });
    const live = new Live(observer, clock, log);
    const alerts: Alerts = new Alerts({
      config,
      store: createAlertStore(options),
      look: () => live.now(),
      failuresOf: (endpoint) => observer.endpoint(endpoint).state?.failures ?? 0,
      clock,
      log,
      onNews: options.onAlert,
    });
    const deadLetters = new DeadLetters({ config, broker, audit, clock, limits: options.sweepLimits, postgresUrl });
    this.#context = {
      config,
      instance,
      guard: createGuard(options, clock),
      audit,
      reader,
      sql,
      broker,
      deadLetters,
      listing: new Listing(deadLetters, clock),
      observer,
      live,
      alerts,
      services,
      producerToken,
      longestAnswer: options.longestAnswer ?? LONGEST_ANSWER,
      mockApi: options.mockApi ?? (() => undefined),
      discover: options.discover,
      configuration: options.source && readConfiguration(options.source.file, options.source.env),
    };
  }

  get url(): string {
    return this.#url;
  }

  get sql(): Pick<SqlEngine, 'run'> {
    return this.#context.sql.engine;
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async stop(): Promise<void> {
    await this.#started?.catch(() => {});
    await this.#releases.release();
  }

  async #start(): Promise<void> {
    const { port, host, log, amqpUrl, trustProxy = false } = this.#options;
    const { audit, reader, live, alerts, observer, sql } = this.#context;
    this.#releases.add('the audit log', () => audit.close());
    if (amqpUrl) {
      await this.#broker.open();
      this.#releases.add('the RabbitMQ connection', () => this.#broker.close());
    }
    this.#releases.add('the reader', () => reader.close());
    this.#releases.add('the SQL engine', () => sql.engine.close());
    for (const problem of reader.problems()) log.warn(problem);
    if (sql.role !== 'off') void this.#warnOfSql();
    reader.start();
    const journal = this.#openJournal();
    const exports = this.#createExports(journal);
    const letterRetention = this.#createLetterRetention(journal);
    const app = createDashboardApp(
      { ...this.#context, journal, exports, letterRetention, trustProxy },
      this.#clock,
      log,
    );
    await observer.restore();
    this.#releases.add('what was seen', () => observer.close());
    live.start();
    exports.start();
    this.#releases.add('the exports', () => exports.stop());
    if (amqpUrl) letterRetention.start();
    else if (this.#options.config.retention.deadLetters !== undefined) log.warn(NOT_REACHED);
    this.#releases.add('the retention of dead letters', () => letterRetention.stop());
    this.#releases.add('the live events', () => live.stop());
    alerts.start();
    this.#releases.add('the alerts', () => alerts.stop());
    const server = await listen(app, port, host);
    this.#releases.add('the HTTP server', () => server.close());
    this.#url = server.url;
    log.info({ url: server.url }, `the dashboard is at ${server.url}`);
  }

  /** As soon as the sink answers: both may start at the same time. */
  async #warnOfSql(): Promise<void> {
    const { log } = this.#options;
    const stopping = new AbortController();
    this.#releases.add('the look at the Postgres for SQL', async () => stopping.abort());
    while (!stopping.signal.aborted) {
      try {
        for (const problem of await this.#context.sql.engine.problems()) log.warn(problem);
        return;
      } catch {
        // Whoever asks in SQL meanwhile is told what fails.
        await this.#clock.sleep(LOOK_AGAIN, stopping.signal);
      }
    }
  }

  #createExports(journal: OpenedJournal | undefined): Exports {
    const { config, instance, log } = this.#options;
    const state = journal?.exports ?? memoryExportState();
    return new Exports({
      config,
      engine: this.#context.sql.engine,
      state,
      audit: this.#context.audit,
      instance,
      folder: this.#folder,
      clock: this.#clock,
      log,
    });
  }

  #createLetterRetention(journal: OpenedJournal | undefined): LetterRetention {
    const { config, instance, log } = this.#options;
    const { audit, deadLetters } = this.#context;
    const daily = journal?.letters ?? memoryDaily(this.#clock);
    const keep = config.retention.deadLetters;
    const isReachable = () => this.#broker.connected;
    return new LetterRetention({ keep, deadLetters, isReachable, daily, audit, instance, clock: this.#clock, log });
  }

  #openJournal(): OpenedJournal | undefined {
    const { redisUrl, config, instance, log } = this.#options;
    return redisUrl ? openJournal(redisUrl, config.name, instance, log, this.#releases) : undefined;
  }
}

/** Milliseconds. */
const LONGEST_ANSWER = 30 * 60_000;
const LOOK_AGAIN = 30_000;

const NOT_REACHED =
  'retention.deadLetters is set, and this dashboard has no AMQP_URL: it removes no dead letters, however old they are';

function createGuard({ host, tokens, readToken, reading, log }: DashboardOptions, clock: Clock): Guard {
  const usual = isLoopback(host) && !tokens?.viewer ? 'local' : 'token';
  return new Guard({ tokens: new Tokens(tokens ?? {}, readToken), reading: reading ?? usual, clock, log });
}

/**
 * A dashboard that is a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @param discover looks at APIs; the page cannot unless given
 * @throws FatalError for settings or a pipeline that cannot be used
 */
export function dashboardProcess(env: ServiceEnvironment, output?: LogOutput, discover?: Discover): ServiceProcess {
  const instance = readInstance(env);
  const log = createLogger({ service: 'dashboard', instance, level: env.LOG_LEVEL }, output);
  const config = loadPipeline(variable(env, 'PIPELINE'), env);
  const services = readServiceUrls(env);
  const service = createDashboard({
    ...readDashboardSettings(env),
    config,
    port: readPort(env, PORTS.dashboard),
    host: variable(env, 'HOST'),
    instance,
    log,
    amqpUrl: env.AMQP_URL,
    redisUrl: env.REDIS_URL,
    postgresUrl: env.POSTGRES_URL,
    services: () => services,
    mockApi: () => env.MOCK_API_URL || undefined,
    discover,
    source: { file: variable(env, 'PIPELINE'), env: { ...env } },
  });
  return { service, log };
}
