import { randomBytes } from 'node:crypto';
import { type Consumer, checkSink, createConsumer } from '@tributary/consumer';
import { createDashboard, type Dashboard, readDashboardSettings } from '@tributary/dashboard';
import { createMockApi, type MockApi, readSettings } from '@tributary/mock-api';
import {
  createProducer,
  discoverInThread,
  type Producer,
  proxiesOf,
  readProtectionKeys,
  sendRecord,
} from '@tributary/producer';
import {
  adviceOn,
  createLogger,
  type Environment,
  type Logger,
  type PipelineConfig,
  PORTS,
  ReleaseList,
  readHooksAddress,
  readInstance,
  readPort,
  sinkWords,
  systemClock,
} from '@tributary/shared';
import { startOnPort } from '../embedded/ports.js';
import { findServers, type InMemory, type Servers } from '../embedded/servers.js';
import { asksForMockApi, readConfig } from './config.js';
import { endpointsOf } from './died.js';
import { type Figures, readFigures } from './figures.js';
import { MarkFile } from './mark-file.js';
import { runOnce, type Summary } from './once.js';
import type { PipelineOptions, PipelineUrls } from './options.js';

/** A pipeline that runs: every service of it in this process. */
export interface Pipeline {
  /** As it was read and checked, with its defaults. */
  readonly config: PipelineConfig;
  readonly urls: PipelineUrls;
  /** What is kept in memory for lack of a server; empty if the environment names both servers. */
  readonly inMemory: readonly InMemory[];
  /** Where it is kept how far the endpoints came: where it outlives this process, or nowhere. */
  readonly marks: MarksPlace;
  /** What to sign in to the dashboard with; undefined where the environment has tokens of its own. */
  readonly dashboardToken: string | undefined;
  /** What has flowed since the start. */
  figures(): Promise<Figures>;
  /**
   * Sends a record with the fields of the entity; resolves when its queue has it.
   * @throws FatalError in words if it is not valid, or if it cannot be taken
   */
  publish(entity: string, record: unknown): Promise<void>;
  /** Records that were taken from the queues and are not settled yet. */
  inFlight(): number;
  /**
   * Polls every endpoint once, waits until everything is written, and sums it up. A poll that fails is told in the summary.
   * @throws Error if the pipeline polls on schedules
   * @throws FatalError if the sink or a server is away for 20 s, or nothing moves for 2 minutes
   */
  once(): Promise<Summary>;
  /** Polls no more, writes what is under way, and releases everything. Safe to call again. */
  stop(): Promise<void>;
}

/** `redis` and `output` (the folder of the rows) outlive the process. */
export type MarksPlace = 'redis' | 'output' | 'memory';

/** It stays on this machine, whatever HOST says. */
const HOST = '127.0.0.1';

/**
 * Starts a whole pipeline in this process: producer, consumer and dashboard, a RabbitMQ and a Redis in memory where the
 * environment names none, and the mock CRM where the pipeline polls `${CRM_URL}` and the environment names none.
 * Whatever had started is released again if something fails.
 *
 * @throws ConfigError with every fault of the pipeline
 * @throws FatalError for settings that cannot be used, or servers in memory that do not start
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const release = new ReleaseList();
  try {
    return new RunningPipeline(options, await startServices(options, release), release);
  } catch (error) {
    await release.release().catch(() => {});
    throw error;
  }
}

interface Services extends Servers {
  readonly config: PipelineConfig;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly dashboard: Dashboard;
  readonly mockApi: MockApi | undefined;
  readonly dashboardToken: string | undefined;
  /** The producer takes commands and records with it. */
  readonly producerToken: string;
  /** Where marks are kept, if the ledger is in memory and rows are written to a folder. */
  readonly markFile: MarkFile | undefined;
}

class RunningPipeline implements Pipeline {
  readonly config: PipelineConfig;
  readonly urls: PipelineUrls;
  readonly inMemory: readonly InMemory[];
  readonly marks: MarksPlace;
  readonly dashboardToken: string | undefined;
  readonly #services: Services;
  readonly #schedule: boolean;
  readonly #release: ReleaseList;
  #stopped: Promise<void> | undefined;

  constructor({ schedule = true }: PipelineOptions, services: Services, release: ReleaseList) {
    const { config, producer, consumer, dashboard, mockApi, inMemory, dashboardToken } = services;
    this.config = config;
    this.urls = { dashboard: dashboard.url, producer: producer.url, consumer: consumer.url, mockApi: mockApi?.url };
    this.inMemory = inMemory;
    const isInOutput = services.markFile !== undefined && !schedule;
    this.marks = !inMemory.includes('ledger') ? 'redis' : isInOutput ? 'output' : 'memory';
    this.dashboardToken = dashboardToken;
    this.#services = services;
    this.#schedule = schedule;
    this.#release = release;
  }

  figures(): Promise<Figures> {
    return readFigures(this.#services);
  }

  publish(entity: string, record: unknown): Promise<void> {
    const { producer, producerToken } = this.#services;
    return sendRecord(record, { entity, producerUrl: producer.url, adminToken: producerToken });
  }

  inFlight(): number {
    return this.#services.consumer.unsettled();
  }

  async once(): Promise<Summary> {
    if (this.#schedule)
      throw new Error('this pipeline polls on its schedules; start it with schedule: false to poll once');
    const summary = await runOnce(this.#services, systemClock);
    return await this.#keepMarks(summary);
  }

  /**
   * Every record of the round is durable by now, or has died. Dead letters in memory end with this process, so the marks that
   * would pass one stay where they were: its endpoint brings it again.
   */
  async #keepMarks(summary: Summary): Promise<Summary> {
    const { markFile, producer, consumer, config, inMemory } = this.#services;
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

  stop(): Promise<void> {
    this.#stopped ??= this.#release.release();
    return this.#stopped;
  }
}

/** Stopped in reverse: the producer publishes no more before the consumer writes what is left. */
async function startServices(options: PipelineOptions, release: ReleaseList): Promise<Services> {
  const { schedule = true, logger = warnings(options.env) } = options;
  const env: Record<string, string | undefined> = { ...options.env };
  const instance = readInstance(env);
  // A person opens the dashboard, so PORT is for it. If it was asked for, it is that port or none.
  const dashboardPort = readPort(env, PORTS.dashboard);

  const mockApi = asksForMockApi(options.config, env) ? await startMockApi(env, schedule, logger) : undefined;
  if (mockApi !== undefined) {
    release.add('mock CRM', () => mockApi.stop());
    env.CRM_URL = mockApi.url;
  }
  const config = readConfig(options.config, env, options.output);
  const postgresUrl = env.POSTGRES_URL;
  checkSink({ config, postgresUrl });

  const onLost =
    options.onLost ?? ((error) => logger('tributary').fatal({ reason: error.message }, 'nothing flows any more'));
  const servers = await findServers(env, release, onLost);
  const { amqpUrl, redisUrl } = servers;
  const { folder } = sinkWords(config.sink);
  // Without --once they are read and not kept: what is in the queues in memory when the process dies would be behind them.
  const keepsMarks = folder !== undefined && servers.inMemory.includes('ledger');
  const markFile = keepsMarks ? new MarkFile(folder, config) : undefined;
  const kept = await markFile?.read();
  const common = { config, amqpUrl, redisUrl, postgresUrl, instance, host: HOST };
  const { tokens, dashboardToken, ...settings } = dashboardSettings(env);
  const producerToken = settings.producerToken ?? randomBytes(24).toString('base64url');
  // Where the dashboard wants a token for reading, the other services of this process tell nothing without one either.
  const reading = settings.reading ?? (env.DASHBOARD_VIEWER_TOKEN || settings.readToken ? 'token' : 'local');
  const made = reading === 'token' ? randomBytes(24).toString('base64url') : undefined;
  const readToken = settings.readToken ?? made;

  // The dashboard comes first, so that it shows the others as they start.
  const running: { consumer?: Consumer; producer?: Producer } = {};
  const urlsOf = (service: { url: string } | undefined) => (service?.url ? [service.url] : []);
  const makeDashboard = (port: number) =>
    createDashboard({
      ...common,
      ...settings,
      tokens,
      readToken,
      producerToken,
      services: () => ({ producers: urlsOf(running.producer), consumers: urlsOf(running.consumer) }),
      mockApi: () => mockApi?.url,
      discover: discoverInThread,
      source: typeof options.config === 'string' ? { file: options.config, env } : undefined,
      redisIsPassing: servers.inMemory.includes('ledger'),
      port,
      log: logger('dashboard'),
    });
  const dashboard = await startOnPort(dashboardPort, makeDashboard, Boolean(env.PORT));
  release.add('dashboard', () => dashboard.stop());

  const consumer = await startOnPort(8082, (port) =>
    createConsumer({ ...common, reading, readToken, port, log: logger('consumer') }),
  );
  release.add('consumer', () => consumer.stop());
  running.consumer = consumer;

  const proxies = proxiesOf(env);
  const producerLog = logger('producer');
  for (const advice of adviceOn(config, env)) producerLog.warn(advice);
  // What a Redis in memory keeps is lost with the process: then a server's new refresh token is told of.
  const secret = servers.inMemory.includes('ledger') ? undefined : env.TRIBUTARY_SECRET || undefined;
  const producer = await startOnPort(8081, (port) =>
    createProducer({
      ...common,
      port,
      log: producerLog,
      schedule,
      proxies,
      secret,
      protectionKeys: readProtectionKeys(env),
      adminToken: producerToken,
      reading,
      readToken,
      marks: kept,
      isLasting: !servers.inMemory.includes('ledger'),
      webhooks: readHooksAddress(env),
    }),
  );
  release.add('producer', () => producer.stop());
  running.producer = producer;
  return { ...servers, config, producer, consumer, dashboard, mockApi, dashboardToken, producerToken, markFile };
}

function startMockApi(env: Environment, schedule: boolean, logger: (service: string) => Logger): Promise<MockApi> {
  // PORT is the dashboard's here.
  const settings = readSettings({ ...env, PORT: undefined, HOST: undefined });
  // A single round should see a CRM that stands still, so that the same command twice finds the same records.
  const still = !schedule && !env.MOCK_CHANGES_PER_SECOND ? { ...settings, changesPerSecond: 0 } : settings;
  return startOnPort(8080, (port) => createMockApi({ ...still, host: HOST, port, log: logger('mock-api') }));
}

/** The dashboard's own, with a token made up for this run where the environment has none. */
function dashboardSettings(env: Environment) {
  const settings = readDashboardSettings({ ...env, HOST: undefined });
  if (Object.values(settings.tokens ?? {}).some(Boolean)) return { ...settings, dashboardToken: undefined };
  // So long that no other program of this machine can lock it out (isStrong).
  const dashboardToken = randomBytes(18).toString('base64url');
  return { ...settings, tokens: { admin: dashboardToken }, dashboardToken };
}

/** JSON lines on stderr, for a program that brings no logger. */
function warnings(env: Environment = {}): (service: string) => Logger {
  const instance = readInstance(env);
  const level = env.LOG_LEVEL || 'warn';
  return (service) => createLogger({ service, instance, level }, process.stderr);
}
