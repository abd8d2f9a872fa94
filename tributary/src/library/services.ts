import { randomBytes } from 'node:crypto';
import { type Consumer, type ConsumerObserver, checkSink, createConsumer } from '@tributary/consumer';
import { type AlertNews, createDashboard, type Dashboard, readDashboardSettings } from '@tributary/dashboard';
import { createMockApi, type MockApi, readSettings } from '@tributary/mock-api';
import {
  createProducer,
  discoverInThread,
  type PollSummary,
  type Producer,
  proxiesOf,
  readProtectionKeys,
} from '@tributary/producer';
import {
  adviceOn,
  type Environment,
  type Logger,
  type PipelineConfig,
  PORTS,
  type ReleaseList,
  readHooksAddress,
  readInstance,
  readPort,
  readTelemetry,
  sinkWords,
} from '@tributary/shared';
import { startOnPort } from '../embedded/ports.js';
import { findServers, type Servers } from '../embedded/servers.js';
import { asksForMockApi, readConfig } from './config.js';
import { MarkFile } from './mark-file.js';
import type { PipelineOptions } from './options.js';

/** It stays on this machine, whatever HOST says. */
const HOST = '127.0.0.1';

/** What runs in this process. */
export interface Services extends Servers {
  readonly config: PipelineConfig;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly dashboard: Dashboard;
  readonly mockApi: MockApi | undefined;
  /** What to sign in to the dashboard with; undefined where the environment has tokens of its own. */
  readonly dashboardToken: string | undefined;
  /** Where marks are kept, if the ledger is in memory and rows are written to a folder. */
  readonly markFile: MarkFile | undefined;
}

/** Who is told what happens. */
export interface Told {
  readonly observer: ConsumerObserver;
  onRun(summary: PollSummary): void;
  onAlert(news: AlertNews): void;
  /** The RabbitMQ or the Redis in memory has died. */
  onLost(error: Error): void;
}

/**
 * Starts producer, consumer and dashboard, with stand-ins for the servers that the environment does not name. They are stopped in reverse: the producer
 * publishes no more before the consumer writes what is left.
 */
export async function startServices(
  options: PipelineOptions & Required<Pick<PipelineOptions, 'logger'>>,
  release: ReleaseList,
  told: Told,
): Promise<Services> {
  const { schedule = true, logger } = options;
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
  checkSink({ config, postgresUrl, program: options.sink });

  const servers = await findServers(env, release, (error) => told.onLost(error));
  const { amqpUrl, redisUrl } = servers;
  const { folder } = sinkWords(config.sink);
  // Without --once they are read and not kept: what is in the queues in memory when the process dies would be behind them.
  const keepsMarks = folder !== undefined && servers.inMemory.includes('ledger');
  const markFile = keepsMarks ? new MarkFile(folder, config) : undefined;
  const kept = await markFile?.read();
  const common = { config, amqpUrl, redisUrl, postgresUrl, instance, host: HOST, telemetry: readTelemetry(env) };
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
      onAlert: (news) => told.onAlert(news),
      port,
      log: logger('dashboard'),
    });
  const dashboard = await startOnPort(dashboardPort, makeDashboard, Boolean(env.PORT));
  release.add('dashboard', () => dashboard.stop());

  const consumer = await startOnPort(8082, (port) =>
    createConsumer({
      ...common,
      reading,
      readToken,
      port,
      log: logger('consumer'),
      programSink: options.sink,
      observer: told.observer,
    }),
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
      onRun: (summary) => told.onRun(summary),
      isLasting: !servers.inMemory.includes('ledger'),
      webhooks: readHooksAddress(env),
      programSources: options.sources,
    }),
  );
  release.add('producer', () => producer.stop());
  running.producer = producer;
  return { ...servers, config, producer, consumer, dashboard, mockApi, dashboardToken, markFile };
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
