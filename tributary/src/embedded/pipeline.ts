import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Consumer, checkSink, createConsumer } from '@tributary/consumer';
import { createDashboard, type Dashboard, readDashboardSettings } from '@tributary/dashboard';
import { createMockApi, type MockApi, readSettings } from '@tributary/mock-api';
import { createProducer, type Producer, proxiesOf } from '@tributary/producer';
import {
  FatalError,
  type Logger,
  loadPipeline,
  type PipelineConfig,
  ReleaseList,
  readPort,
  type Service,
} from '@tributary/shared';
import type { Arguments } from '../cli/arguments.js';
import { startOnPort } from './ports.js';
import { startStandIns } from './stand-ins.js';

export interface PipelineOptions {
  readonly arguments: Arguments;
  readonly env: Record<string, string | undefined>;
  readonly logger: (service: string) => Logger;
  /** Told when the stand-in broker or Redis has died: nothing can go on. */
  readonly onStandInsDied: (reason: string) => void;
}

/** Every service of the pipeline in this process. */
export interface Pipeline extends Service {
  readonly config: PipelineConfig;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly dashboard: Dashboard;
  readonly mockApi: MockApi | undefined;
  readonly amqpUrl: string;
  /** What to sign in to the dashboard with; undefined where the environment has tokens of its own. */
  readonly dashboardToken: string | undefined;
  /** What lives in memory here, for lack of a URL in the environment. */
  readonly inMemory: readonly string[];
}

const HOST = '127.0.0.1';

/** Builds and starts everything; whatever had started is released again if something fails. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const release = new ReleaseList();
  try {
    return await build(options, release);
  } catch (error) {
    await release.release().catch(() => {});
    throw error;
  }
}

async function build(options: PipelineOptions, release: ReleaseList): Promise<Pipeline> {
  const { arguments: asked, logger } = options;
  const env: Record<string, string | undefined> = { ...options.env };

  // PORT is the dashboard's: it is what somebody opens. Asked for, it is that one or none.
  const dashboardPort = readPort(env, 8000);
  const mockApi = needsMockApi(asked.config, env)
    ? await startOnPort(8080, (port) =>
        createMockApi({ ...mockSettings(asked, env), host: HOST, port, log: logger('mock-api') }),
      )
    : undefined;
  if (mockApi !== undefined) {
    release.add('mock CRM', () => mockApi.stop());
    env.CRM_URL = mockApi.url;
  }
  const config = withOutput(loadPipeline(asked.config, env), asked.output);
  checkSink({ config, postgresUrl: env.POSTGRES_URL });

  const { amqpUrl, redisUrl, inMemory } = await connectionUrls(env, release, options.onStandInsDied);
  const instance = env.INSTANCE_ID || hostname();
  const common = { config, amqpUrl, redisUrl, postgresUrl: env.POSTGRES_URL, instance, host: HOST };

  // Stopped in reverse: the producer publishes no more before the consumer writes what is left.
  const start = async <T extends Service>(
    what: string,
    port: number,
    make: (port: number) => T,
    isFirm = false,
  ): Promise<T> => {
    const service = await startOnPort(port, make, isFirm);
    release.add(what, () => service.stop());
    return service;
  };
  // It stays on this machine, whatever HOST says.
  const settings = readDashboardSettings({ ...env, HOST: undefined });
  const named = Object.values(settings.tokens ?? {}).some(Boolean);
  const dashboardToken = named ? undefined : randomBytes(12).toString('base64url');
  const tokens = named ? settings.tokens : { admin: dashboardToken };
  const producerToken = env.ADMIN_TOKEN || randomBytes(24).toString('base64url');
  const running: { consumer?: Consumer; producer?: Producer } = {};
  const urlsOf = (service: { url: string } | undefined) => (service?.url ? [service.url] : []);
  const services = () => ({ producers: urlsOf(running.producer), consumers: urlsOf(running.consumer) });
  const startDashboard = (port: number) => {
    const own = {
      ...settings,
      tokens,
      services,
      amqpUrl,
      redisUrl,
      postgresUrl: env.POSTGRES_URL,
      producerToken,
      mockApi: () => mockApi?.url,
    };
    return createDashboard({ config, host: HOST, instance, port, log: logger('dashboard'), ...own });
  };
  const dashboard = await start('dashboard', dashboardPort, startDashboard, Boolean(env.PORT));
  const consumer = await start('consumer', 8082, (port) =>
    createConsumer({ ...common, port, log: logger('consumer') }),
  );
  const producer = await start('producer', 8081, (port) =>
    createProducer({
      ...common,
      port,
      log: logger('producer'),
      schedule: !asked.once,
      proxies: proxiesOf(env),
      adminToken: producerToken,
    }),
  );
  Object.assign(running, { consumer, producer });
  return {
    ...{ config, producer, consumer, dashboard, mockApi, amqpUrl, dashboardToken, inMemory },
    start: async () => {},
    stop: () => release.release(),
  };
}

/** The folder that was asked for, whether or not the pipeline's file leaves it to the environment. */
function withOutput(config: PipelineConfig, directory: string | undefined): PipelineConfig {
  if (directory === undefined) return config;
  return { ...config, sink: { ...config.sink, csv: { ...config.sink.csv, directory } } };
}

/** A single poll should see a CRM that stands still, so that the same command twice finds the same records. */
function mockSettings(asked: Arguments, env: Record<string, string | undefined>) {
  // PORT is for one service; here there are several.
  const settings = readSettings({ ...env, PORT: undefined, HOST: undefined });
  return asked.once && !env.MOCK_CHANGES_PER_SECOND ? { ...settings, changesPerSecond: 0 } : settings;
}

/** The demo's CRM is started where the pipeline asks for one and the environment names none. */
function needsMockApi(file: string, env: Record<string, string | undefined>): boolean {
  if (env.CRM_URL) return false;
  try {
    return /\$\{CRM_URL\b/.test(readFileSync(file, 'utf8'));
  } catch {
    return false; // loadPipeline says it better
  }
}

async function connectionUrls(
  env: Record<string, string | undefined>,
  release: ReleaseList,
  onDied: (reason: string) => void,
) {
  const { AMQP_URL, REDIS_URL } = env;
  if (AMQP_URL && REDIS_URL) return { amqpUrl: AMQP_URL, redisUrl: REDIS_URL, inMemory: [] };
  if (REDIS_URL && !AMQP_URL) {
    const why = 'Redis would remember what was polled after a broker in memory had lost it';
    throw new FatalError('amqp_url_missing', `REDIS_URL is set and AMQP_URL is not: ${why}. Set both, or neither.`);
  }
  const standIns = await startStandIns({ onLost: (error) => onDied(error.message) });
  release.add('stand-ins for RabbitMQ and Redis', () => standIns.stop());
  return {
    amqpUrl: AMQP_URL || standIns.amqpUrl,
    redisUrl: REDIS_URL || standIns.redisUrl,
    inMemory: [...(AMQP_URL ? [] : ['queues']), ...(REDIS_URL ? [] : ['ledger'])],
  };
}
