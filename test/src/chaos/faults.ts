import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@tributary/shared';
import { Redis } from 'ioredis';
import { atMoment } from './moments.js';
import type { Fault, FaultKind } from './plan.js';
import { FAULT_KINDS } from './plan.js';
import type { Stage } from './stage.js';
import type { Worker } from './worker.js';

/** Does to the stage what the plan says. Faults of different servers and processes overlap; those of one take turns. */
export class Faults {
  readonly kills = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  readonly #turns = new Map<object, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  #failure: unknown;
  readonly #stage: Stage;
  readonly #say: (line: string) => void;
  readonly #signal: AbortSignal;

  constructor(stage: Stage, say: (line: string) => void, signal: AbortSignal) {
    this.#stage = stage;
    this.#say = say;
    this.#signal = signal;
  }

  /** Begins one, and does not wait for its end. @throws whatever an earlier one has failed with */
  begin(fault: Fault): void {
    if (this.#failure !== undefined) throw this.#failure;
    const running: Promise<void> = this.#do(fault)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when everything that was killed or stopped runs again. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #do(fault: Fault): Promise<void> {
    const stage = this.#stage;
    switch (fault.kind) {
      case 'producer':
        return this.#kill(fault, stage.producers);
      case 'consumer':
        return this.#kill(fault, stage.consumers);
      case 'pause':
        return this.#pause(fault);
      case 'rabbitmq':
        return this.#inTurn(stage.rabbitmq, () => this.#restartRabbitMQ(fault));
      case 'redisFlush':
        return this.#inTurn(stage.redis, () => this.#tell(fault, 'FLUSHALL', () => stage.redis.flush()));
      case 'redisRestart':
        return this.#inTurn(stage.redis, () => this.#restartRedis(fault));
      case 'postgres':
        return this.#inTurn(stage, () => this.#cutPostgres(fault));
    }
  }

  async #kill(fault: Fault, workers: readonly Worker[]): Promise<void> {
    const worker = choose(workers, fault.victim);
    // All of them are down or paused: that is chaos enough.
    if (worker === undefined) return;
    const what = `kill -9 ${worker.name}${WHEN[fault.moment]}, down for ${seconds(fault.length)}`;
    await this.#hit(fault, worker, () => void worker.kill());
    this.#count(fault, what);
    await worker.kill();
    await systemClock.sleep(fault.length, this.#signal);
    if (!this.#signal.aborted) worker.start();
  }

  async #pause(fault: Fault): Promise<void> {
    const worker = choose(this.#stage.consumers, fault.victim);
    if (worker === undefined) return;
    await this.#hit(fault, worker, () => worker.pause());
    this.#count(fault, `SIGSTOP ${worker.name}${WHEN[fault.moment]} for ${seconds(fault.length)}`);
    await systemClock.sleep(fault.length, this.#signal);
    worker.resume();
    this.#note(`         SIGCONT ${worker.name}`);
  }

  async #restartRabbitMQ(fault: Fault): Promise<void> {
    const { rabbitmq } = this.#stage;
    if (fault.otherWay) return this.#tell(fault, 'restart RabbitMQ in good order', () => rabbitmq.restart());
    await this.#tell(fault, `kill -9 RabbitMQ, down for ${seconds(fault.length)}`, () => rabbitmq.down());
    await systemClock.sleep(fault.length, this.#signal);
    if (fault.length > PRODUCER_FULL)
      await this.#kill({ ...fault, kind: 'producer', length: 0 }, this.#stage.producers);
    await rabbitmq.up();
    this.#note('         RabbitMQ is up');
  }

  /** It comes back empty, or from a snapshot that lacks what was committed since. */
  async #restartRedis(fault: Fault): Promise<void> {
    const { redis } = this.#stage;
    const snapshot = await withRedis(redis.url, async (client) => {
      if (fault.otherWay) await client.save();
      const [, folder = ''] = (await client.config('GET', 'dir')) as string[];
      return join(folder, 'dump.rdb');
    });
    if (fault.otherWay) await systemClock.sleep(fault.length + 500, this.#signal);
    const comesBack = fault.otherWay ? 'from its old snapshot' : 'empty';
    const what = `kill -9 Redis, down for ${seconds(fault.length)}; it comes back ${comesBack}`;
    await this.#tell(fault, what, () => redis.down());
    if (!fault.otherWay) rmSync(snapshot, { force: true });
    await systemClock.sleep(fault.length, this.#signal);
    await redis.up();
  }

  async #cutPostgres(fault: Fault): Promise<void> {
    const { postgres } = this.#stage;
    if (postgres === undefined) return;
    if (fault.otherWay) {
      await this.#tell(fault, `SIGSTOP Postgres for ${seconds(fault.length)}`, async () => postgres.pause());
      await systemClock.sleep(fault.length, this.#signal);
      postgres.resume();
      return;
    }
    await this.#tell(fault, `kill -9 Postgres, down for ${seconds(fault.length)}`, () => postgres.down());
    await systemClock.sleep(fault.length, this.#signal);
    await postgres.up();
  }

  #hit({ moment, after }: Fault, worker: Worker, hit: () => void): Promise<void> {
    return atMoment(moment, { stage: this.#stage, worker, after, signal: this.#signal }, hit);
  }

  async #tell(fault: Fault, what: string, hurt: () => Promise<void>): Promise<void> {
    await hurt();
    this.#count(fault, what);
  }

  #count(fault: Fault, what: string): void {
    this.kills[fault.kind]++;
    this.#note(`${seconds(fault.at).padStart(7)}  ${what}`);
  }

  /** With the time of day, by which the logs of the processes are read. */
  #note(what: string): void {
    this.#say(`${new Date().toISOString().slice(11, 23)} ${what}`);
  }

  #inTurn(server: object, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(server) ?? Promise.resolve()).then(work);
    this.#turns.set(
      server,
      turn.catch(() => {}),
    );
    return turn;
  }
}

/** So long without a broker, and a producer holds records of a poll that it cannot publish: they must not die with it. */
const PRODUCER_FULL = 1_300;

const WHEN = { any: '', write: ' as it writes', ledger: ' as it speaks to Redis' } as const;

/** The chosen one, or the next that runs. */
function choose(workers: readonly Worker[], victim: number): Worker | undefined {
  const from = Math.floor(victim * workers.length);
  return [...workers.slice(from), ...workers.slice(0, from)].find(({ runs, isPaused }) => runs && !isPaused);
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;

async function withRedis<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  client.on('error', () => {});
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
