import { mkdirSync } from 'node:fs';
import type { ReleaseList, SinkKind } from '@tributary/shared';
import { freePorts } from '../../services/ports.js';
import { FEWER_CHANGES } from './kept.js';
import type { Mirror } from './mirrors/mirror.js';
import { MIRRORS, type MirroredSource } from './mirrors/table.js';
import { type Deletes, type LaterPart, type Packing, type PipelineFile, writePipeline } from './pipeline.js';
import { type Recorder, startRecorder } from './recorder.js';
import { type Addresses, type Servers, startServers } from './servers.js';
import { until } from './until.js';
import { commonPipeline } from './upgrade/common-pipeline.js';
import type { OlderVersion } from './upgrade/older.js';
import { Worker, type Workspace } from './worker.js';
import { quietWorld, roughWorld, type World } from './world/world.js';

export interface StageOptions {
  readonly folder: string;
  readonly seed: number;
  readonly producers: number;
  readonly consumers: number;
  readonly sink: SinkKind;
  /** As of ChaosOptions. */
  readonly source?: MirroredSource;
  readonly database?: string | undefined;
  readonly pack?: Packing;
  readonly deletes?: Deletes;
  /** Whether networks, disks, clocks, operators and other programs are unkind as well. */
  readonly world: boolean;
  readonly privacy?: boolean;
  /** As of ChaosOptions. */
  readonly logLevel?: string;
  /** Settings of the mock CRM; many records, of which most change seldom, unless given. */
  readonly crm?: Readonly<Record<string, string>>;
  /** Of which version producers and consumers are at first; of this one unless given. */
  readonly older?: OlderVersion | undefined;
  readonly say: (line: string) => void;
  /** Told when a process ends that nobody killed. */
  readonly onDeath: (how: string) => void;
  readonly signal: AbortSignal;
}

/** Everything that a run of chaos plays on: servers of its own, the API, and the pipeline as separate processes. */
export interface Stage extends Servers {
  readonly folder: string;
  readonly pipeline: PipelineFile;
  /** Whether networks, disks, clocks, operators and other programs are unkind as well. */
  readonly isWorld: boolean;
  readonly world: World;
  readonly api: Worker;
  readonly recorder: Recorder;
  /** Where the producers read: the API itself, or another place that holds the same. */
  readonly mirror: Mirror;
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

/** Makes processes of one workspace, not started yet. */
export async function makeWorkers(
  workspace: Workspace,
  count: number,
  env: Readonly<Record<string, string>>,
  { folder, onDeath, clockFor }: Pick<StageOptions, 'folder' | 'onDeath'> & Partial<Pick<World, 'clockFor'>>,
  release: ReleaseList,
): Promise<Worker[]> {
  const ports = await freePorts(count);
  return ports.map((port, index) => {
    const name = `${workspace}-${index + 1}`;
    const clock = clockFor?.(name);
    const worker = new Worker({ name, workspace, env: { ...env, ...clock?.env }, port, folder, clock }, onDeath);
    release.add(worker.name, () => worker.release());
    return worker;
  });
}

/** What a producer or consumer is told of the servers. */
export function workerEnv(servers: Addresses, pipeline: string, logLevel = 'debug'): Record<string, string> {
  return {
    AMQP_URL: `${servers.rabbitmq}?heartbeat=${HEARTBEAT_SECONDS}`,
    REDIS_URL: servers.redis,
    ...(servers.postgres === undefined ? {} : { POSTGRES_URL: servers.postgres }),
    PIPELINE: pipeline,
    LOG_LEVEL: logLevel,
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
  const {
    folder,
    seed,
    sink,
    source = 'rest',
    database,
    pack = 'adapting',
    deletes = 'remove',
    older,
    privacy = false,
    say,
    signal,
  } = options;
  mkdirSync(folder, { recursive: true });
  const world = options.world ? await roughWorld(options, release) : quietWorld(options);
  const servers = await startServers(world.starts, options, release);
  const crm = { ...CRM, ...(privacy && FEWER_CHANGES), ...options.crm, MOCK_SEED: String(seed) };
  const [api] = await makeWorkers('mock-api', 1, crm, options, release);
  if (api === undefined) throw new Error('no API');
  const recorder = await startRecorder(api.url);
  release.add('recorder', () => recorder.stop());
  const { reach } = world;
  const producers: Worker[] = [];
  const addresses = () => producers.map((producer) => producer.url);
  const mirrored = { api: recorder.url, seed, folder, database, reach, producers: addresses, say, signal };
  const mirror = await MIRRORS[source].start(mirrored, release);
  const write = (without: readonly LaterPart[]) =>
    writePipeline(folder, mirror, sink, { pack, deletes, without, privacy });
  const pipeline = older === undefined ? write([]) : await commonPipeline(older, write, say);
  recorder.know(pipeline.config);
  const makeServices = async (workspace: 'consumer' | 'producer', count: number) => {
    const env = workerEnv(await world.addressesFor(workspace, servers), pipeline.path, options.logLevel);
    const workers = await makeWorkers(workspace, count, env, { ...options, clockFor: world.clockFor }, release);
    if (older !== undefined) for (const worker of workers) worker.program = older.program(workspace);
    return workers;
  };
  const consumers = await makeServices('consumer', options.consumers);
  producers.push(...(await makeServices('producer', options.producers)));
  await untilReady([api], signal);
  mirror.begin();
  await untilReady([...consumers, ...producers], signal);
  return { folder, pipeline, isWorld: options.world, world, ...servers, api, recorder, mirror, producers, consumers };
}
