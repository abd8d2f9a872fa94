import { hostname } from 'node:os';
import {
  type Clock,
  createLogger,
  type Environment,
  type Listening,
  type Logger,
  type LogOutput,
  listen,
  loadPipeline,
  type PipelineConfig,
  ReleaseList,
  readPort,
  type Service,
  type ServiceProcess,
  sinkWords,
  systemClock,
} from '@tributary/shared';
import { isLoopback } from './access/guard.js';
import { Tokens } from './access/roles.js';
import { Sessions } from './access/sessions.js';
import { AuditLog, DEFAULT_AUDIT_LOG } from './audit/audit.js';
import { createCsvReader } from './data/readers/csv/reader.js';
import type { DatasetReader } from './data/readers/port.js';
import { createPostgresReader } from './data/readers/postgres/reader.js';
import { Broker } from './dead-letters/broker.js';
import { DeadLetters, type SweepLimits } from './dead-letters/dead-letters.js';
import { Live } from './flow/live.js';
import { Observer, type ServiceUrls } from './flow/observer.js';
import { createDashboardApp } from './http/app.js';
import { type DashboardSettings, readDashboardSettings, readServiceUrls } from './settings.js';
import { openJournal } from './trace/journal.js';

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
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** Where producers and consumers answer, for the picture of what flows. */
  readonly services?: (() => ServiceUrls) | undefined;
  /** The token that producers take commands with. */
  readonly producerToken?: string | undefined;
  /** The mock CRM's address, in demo mode. */
  readonly mockApi?: (() => string | undefined) | undefined;
  /** How much a look at the dead letters takes; for tests. */
  readonly sweepLimits?: Partial<SweepLimits> | undefined;
}

export interface Dashboard extends Service {
  /** Where the page is; empty before `start`. */
  readonly url: string;
}

const NO_POSTGRES =
  'this pipeline writes to Postgres: set POSTGRES_URL to something like postgres://user:password@host:5432/database, and what landed is shown';

/** @returns undefined if nobody has told where the sink is */
function createReader({ config, log, postgresUrl }: DashboardOptions, clock: Clock): DatasetReader | undefined {
  if (config.sink.type === 'csv') return createCsvReader(config, clock, log);
  return postgresUrl ? createPostgresReader(config, postgresUrl, clock) : undefined;
}

/** The dashboard as a service, for `main.ts` and for embedded mode. `start` resolves when the page can be opened. */
export function createDashboard(options: DashboardOptions): Dashboard {
  const { config, port, host, instance, log, amqpUrl, clock = systemClock } = options;
  const reader = createReader(options, clock);
  const about = { sink: sinkWords(config.sink).description, instance };
  const tokens = new Tokens(options.tokens ?? {});
  const usual = isLoopback(host) && !options.tokens?.viewer ? 'local' : 'token';
  const access = { tokens, sessions: new Sessions(clock), reading: options.reading ?? usual };
  const audit = new AuditLog(options.auditLog || DEFAULT_AUDIT_LOG, clock);
  const broker = new Broker({ urls: amqpUrl ?? '', connectionName: `tributary dashboard ${instance}`, log });
  const deadLetters = new DeadLetters({ config, broker, audit, clock, limits: options.sweepLimits });
  const services = options.services ?? (() => ({ producers: [], consumers: [] }));
  const observer = new Observer({
    ...{ config, broker, brokerKnown: Boolean(amqpUrl), reader, services, where: about.sink, clock },
  });
  const live = new Live(observer, clock, log);
  const releases = new ReleaseList();
  let starting: Promise<Listening> | undefined;
  let url = '';

  async function open(): Promise<Listening> {
    releases.add('the audit log', () => audit.close());
    if (amqpUrl) {
      await broker.open();
      releases.add('the RabbitMQ connection', () => broker.close());
    }
    if (reader === undefined) log.warn(NO_POSTGRES);
    else {
      releases.add('the reader', () => reader.close());
      reader.start();
    }
    const journal = options.redisUrl ? openJournal(options.redisUrl, config.name, instance, log, releases) : undefined;
    const app = createDashboardApp({
      ...{ producers: () => services().producers, producerToken: options.producerToken },
      mockApi: options.mockApi ?? (() => undefined),
      ...{
        reader,
        journal,
        about,
        unsupported: NO_POSTGRES,
        log,
        clock,
        access,
        audit,
        deadLetters,
        config,
        live,
        observer,
      },
    });
    live.start();
    releases.add('what is shown live', () => live.stop());
    const server = await listen(app, port, host);
    releases.add('the HTTP server', () => server.close());
    url = server.url;
    log.info({ url }, `the dashboard is at ${url}`);
    return server;
  }

  return {
    get url() {
      return url;
    },
    async start() {
      starting ??= open();
      await starting;
    },
    async stop() {
      await starting?.catch(() => {});
      await releases.release();
    },
  };
}

/**
 * A dashboard that is a process of its own, with its settings from the environment.
 * @param output where its log lines go; stdout unless given
 * @throws FatalError for settings or a pipeline that cannot be used
 */
export function dashboardProcess(env: Environment, output?: LogOutput): ServiceProcess {
  const instance = env.INSTANCE_ID || hostname();
  const log = createLogger({ service: 'dashboard', instance, level: env.LOG_LEVEL }, output);
  const config = loadPipeline(env.PIPELINE || 'pipeline.yaml', env);
  const services = readServiceUrls(env);
  const service = createDashboard({
    ...readDashboardSettings(env),
    config,
    port: readPort(env, 8000),
    host: env.HOST || '127.0.0.1',
    instance,
    log,
    amqpUrl: env.AMQP_URL,
    redisUrl: env.REDIS_URL,
    postgresUrl: env.POSTGRES_URL,
    producerToken: env.ADMIN_TOKEN,
    services: () => services,
    mockApi: () => env.MOCK_API_URL || undefined,
  });
  return { service, log };
}
