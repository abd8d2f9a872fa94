import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { interruptible, systemClock } from '@tributary/shared';
import { queueDepths } from '../chaos/queues.js';
import { withRedis } from '../chaos/redis.js';
import type { Stage } from '../chaos/stage.js';
import type { Worker } from '../chaos/worker.js';
import type { KEPT } from './kept.js';
import type { Sample } from './slopes.js';

/** Milliseconds from one sample to the next. */
const EVERY = 5_000;

/** Milliseconds that a server that is down at the moment may take. */
const ANSWER = 3_000;

const MB = 1_048_576;

/** A part to which nobody writes any more has a note there, so these grow with the rows. */
const SEALED = join('.tributary', 'sealed');
const FENCED = join('.tributary', 'fenced');
const FENCED_NOTES = 'notes of fenced writers' satisfies keyof typeof KEPT;

const SETTLED_NOTES = 'notes of settled messages' satisfies keyof typeof KEPT;

/** Measures what must not grow, until it is ended. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #stage: Stage;
  readonly #stop = new AbortController();
  readonly #sampling: Promise<void>;
  readonly #watched: readonly (readonly [Worker, number | undefined])[];
  readonly #restarted = new Set<string>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#watched = firstOf(stage).map((worker) => [worker, worker.pid] as const);
    this.#sampling = this.#sample();
  }

  /** @returns in words what keeps the samples from saying anything */
  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#sampling;
    return [...this.#restarted].map((name) => `${name} was to live through the whole run, and was started again`);
  }

  async #sample(): Promise<void> {
    const started = performance.now();
    while (!this.#stop.signal.aborted) {
      const at = (performance.now() - started) / 1_000;
      const values = { ...this.#ofProcesses(), ...this.#ofOutput(), ...(await this.#ofServers()) };
      this.samples.push({ at, values });
      await systemClock.sleep(EVERY, this.#stop.signal);
    }
  }

  #ofProcesses(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [worker, pid] of this.#watched) {
      const { name } = worker;
      if (pid === undefined || worker.pid !== pid) this.#restarted.add(name);
      else Object.assign(values, ofProcess(name, pid));
    }
    return values;
  }

  #ofOutput(): Record<string, number> {
    const { csv, type } = this.#stage.pipeline.config.sink;
    if (type !== 'csv') return {};
    try {
      const files = readdirSync(csv.directory, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
      const beside = files.filter(({ name, parentPath }) => !name.endsWith('.csv') && !parentPath.includes(SEALED));
      const notes = beside.filter(({ parentPath }) => parentPath.endsWith(FENCED));
      return { 'files beside the rows': beside.length - notes.length, [FENCED_NOTES]: notes.length };
    } catch (error) {
      // A folder went while it was read, as consumers remove those of parts: not measured this time.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error;
    }
  }

  async #ofServers(): Promise<Record<string, number>> {
    const { rabbitmq, redis, pipeline } = this.#stage;
    const waiting = inTime(queueDepths(rabbitmq.url, pipeline.config));
    const inRedis = inTime(
      withRedis(redis.url, async (client) => {
        const settled = (await client.keys('*:settled:*')).length;
        return { info: await client.info('memory'), settled, keys: (await client.dbsize()) - settled };
      }),
    );
    const [depths, store] = await Promise.all([waiting, inRedis]);
    const bytes = Number(/used_memory:(\d+)/.exec(store?.info ?? '')?.[1] ?? Number.NaN);
    return {
      ...(depths === undefined ? {} : { 'waiting messages': depths.waiting }),
      ...(store === undefined || Number.isNaN(bytes)
        ? {}
        : { 'memory of Redis': bytes / MB, 'keys in Redis': store.keys, [SETTLED_NOTES]: store.settled }),
    };
  }
}

/** The processes that live through a whole run: faults hit the others. */
const firstOf = ({ producers, consumers }: Stage): readonly Worker[] =>
  [producers[0], consumers[0]].filter((worker) => worker !== undefined);

/** @returns nothing for a process that has just ended */
function ofProcess(name: string, pid: number): Record<string, number> {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
    return {
      [`${name} resident memory`]: kilobytes / 1_024,
      [`${name} open files`]: descriptors.length,
      [`${name} sockets`]: descriptors.filter((target) => target.startsWith('socket:')).length,
    };
  } catch {
    return {};
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // It was closed meanwhile.
    return '';
  }
}

/** A server that is down is not measured. */
const inTime = <T>(asking: Promise<T>): Promise<T | undefined> =>
  interruptible(asking, AbortSignal.timeout(ANSWER)).catch(() => undefined);
