import { mkdirSync } from 'node:fs';
import type { ReleaseList, SinkKind } from '@tributary/shared';
import type { PrivateService } from '../../services/handle.js';
import { freePorts } from '../../services/ports.js';
import { startPrivatePostgres } from '../../services/postgres.js';
import { startPrivateRabbitMQ } from '../../services/rabbitmq.js';
import { type PrivateRedis, startPrivateRedis } from '../../services/redis.js';
import { type PipelineFile, writePipeline } from './pipeline.js';
import { type Recorder, startRecorder } from './recorder.js';
import { until } from './until.js';
import { Worker, type Workspace } from './worker.js';

export interface StageOptions {
  readonly folder: string;
  readonly seed: number;
  readonly producers: number;
  readonly consumers: number;
  readonly sink: SinkKind;
  readonly say: (line: string) => void;
  /** Told when a process ends that nobody killed. */
  readonly onDeath: (how: string) => void;
  readonly signal: AbortSignal;
}

/** Everything that a run of chaos plays on: servers of its own, the API, and the pipeline as separate processes. */
export interface Stage {
  readonly pipeline: PipelineFile;
  readonly rabbitmq: PrivateService;
  readonly redis: PrivateRedis;
  readonly postgres: PrivateService | undefined;
  readonly api: Worker;
  readonly recorder: Recorder;
  readonly producers: readonly Worker[];
  readonly consumers: readonly Worker[];
}

/**
 * A broker that drops a connection that is silent for some seconds gives the messages of a paused consumer to the others
 * while that one still thinks that they are its own. With the usual minute the pause would end before anybody noticed.
 */
const HEARTBEAT_SECONDS = 3;

/** Milliseconds for a process to be ready; a busy machine needs far more than usual. */
const START_TIMEOUT = 60_000;

/**
 * So many customers that most change once or not at all after the last full poll (a later change would cover what was
 * lost), so few items that each changes all the time, and so many changes that every moment has its batches.
 */
const CRM = { MOCK_CUSTOMERS: '2000', MOCK_ITEMS: '200', MOCK_CHANGES_PER_SECOND: '60' };

export interface Servers {
  readonly rabbitmq: PrivateService;
  readonly redis: PrivateRedis;
  readonly postgres: PrivateService | undefined;
}

/** Starts servers of the run's own, one after the other. */
export async function startServers(
  withPostgres: boolean,
  { say, signal }: Pick<StageOptions, 'say' | 'signal'>,
  release: ReleaseList,
): Promise<Servers> {
  const start = async <T extends PrivateService>(name: string, starting: Promise<T>): Promise<T> => {
    const server = await starting;
    release.add(name, () => server.stop());
    say(`${name}: ${server.how}`);
    signal.throwIfAborted();
    return server;
  };
  return {
    rabbitmq: await start('RabbitMQ', startPrivateRabbitMQ(say)),
    redis: await start('Redis', startPrivateRedis({}, say)),
    postgres: withPostgres ? await start('Postgres', startPrivatePostgres(say)) : undefined,
  };
}

/** Makes processes of one workspace, not started yet. */
export async function makeWorkers(
  workspace: Workspace,
  count: number,
  env: Readonly<Record<string, string>>,
  { folder, onDeath }: Pick<StageOptions, 'folder' | 'onDeath'>,
  release: ReleaseList,
): Promise<Worker[]> {
  const ports = await freePorts(count);
  return ports.map((port, index) => {
    const worker = new Worker({ name: `${workspace}-${index + 1}`, workspace, env, port, folder }, onDeath);
    release.add(worker.name, () => worker.release());
    return worker;
  });
}

/** What a producer or consumer is told of the servers. */
export function workerEnv(servers: Servers, pipeline: string): Record<string, string> {
  return {
    AMQP_URL: `${servers.rabbitmq.url}?heartbeat=${HEARTBEAT_SECONDS}`,
    REDIS_URL: servers.redis.url,
    ...(servers.postgres === undefined ? {} : { POSTGRES_URL: servers.postgres.url }),
    PIPELINE: pipeline,
    LOG_LEVEL: 'debug',
  };
}

export async function untilReady(workers: readonly Worker[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    workers.map((worker) => {
      worker.start();
      const hopeless = () => (worker.runs ? undefined : 'it has ended');
      const options = { timeout: START_TIMEOUT, signal, hopeless };
      return until(`${worker.name} is ready`, () => worker.get('/readyz').then(() => undefined), options);
    }),
  );
}

export async function raiseStage(options: StageOptions, release: ReleaseList): Promise<Stage> {
  const { folder, seed, sink, signal } = options;
  mkdirSync(folder, { recursive: true });
  const servers = await startServers(sink === 'postgres', options, release);
  const [api] = await makeWorkers('mock-api', 1, { ...CRM, MOCK_SEED: String(seed) }, options, release);
  if (api === undefined) throw new Error('no API');
  const recorder = await startRecorder(api.url);
  release.add('recorder', () => recorder.stop());
  const pipeline = writePipeline(folder, recorder.url, sink);
  recorder.know(pipeline.config);
  const env = workerEnv(servers, pipeline.path);
  const consumers = await makeWorkers('consumer', options.consumers, env, options, release);
  const producers = await makeWorkers('producer', options.producers, env, options, release);
  await untilReady([api], signal);
  await untilReady([...consumers, ...producers], signal);
  return { pipeline, ...servers, api, recorder, producers, consumers };
}
