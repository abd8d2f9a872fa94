import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { redisPrefix, systemClock } from '@tributary/shared';
import type { Removed } from '../audit/gone.js';
import { between, createRandom, type Random } from './random.js';
import { withRedis } from './redis.js';
import type { Stage } from './stage.js';
import { until } from './until.js';

/** Milliseconds from one erasure to the next. */
const EVERY = 4_000;
/** Milliseconds after which the command is killed, where it is. */
const KILLED_WITHIN = 2_500;
/** Milliseconds for everything to be erased that is begun. */
const PATIENCE = 180_000;

/** The command line, as it was built. */
const PROGRAM = join(
  dirname(createRequire(import.meta.url).resolve('@tributary/consumer')),
  '../../tributary/bin/tributary.js',
);

interface Asked {
  readonly entity: string;
  readonly key: string;
}

/**
 * Erases records while everything is killed, the command too, and lets consumers remove what is too old each time that an epoch begins, not once a day. Each
 * erasure begins one.
 */
export class Privacy {
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #say: (line: string) => void;
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  readonly #erased = new Map<string, Set<string>>();
  readonly #unfinished = new Set<Asked>();
  readonly #ended: Promise<void>;
  #runs = 0;

  constructor(
    stage: Stage,
    seed: number,
    { say, signal }: { readonly say: (line: string) => void; readonly signal: AbortSignal },
  ) {
    this.#stage = stage;
    this.#random = createRandom(seed + 1_901);
    this.#say = say;
    this.#signal = signal;
    this.#ended = this.#work();
  }

  /** Erases no more, once all is erased that was begun. @throws Error if that cannot be done */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#ended;
    for (const asked of this.#unfinished) await this.#untilErased(asked);
  }

  /**
   * Removes what is too old once more, with an erasure, which begins an epoch. To be called when all has landed: a record of which merged rows have landed,
   * and not its own, is taken however old it is.
   */
  async last(): Promise<Removed> {
    const retainedAt = Date.now();
    await this.#inRedis((key) => ['del', key]);
    await this.#untilErased(this.#choose());
    const isDone = async () => ((await this.#inRedis((key) => ['get', key])) === null ? 'it is not' : undefined);
    await until('what is too old is removed once more', isDone, { timeout: PATIENCE, signal: this.#signal });
    const count = [...this.#erased.values()].reduce((sum, keys) => sum + keys.size, 0);
    this.#say(`${count} records were erased by ${this.#runs} commands`);
    return { retainedAt, erased: this.#erased };
  }

  #untilErased(asked: Asked): Promise<void> {
    return until(`${asked.key} is erased`, () => this.#erase(asked), { timeout: PATIENCE, signal: this.#signal });
  }

  async #work(): Promise<void> {
    const signal = AbortSignal.any([this.#over.signal, this.#signal]);
    while (!signal.aborted) {
      await systemClock.sleep(EVERY, signal);
      if (signal.aborted) return;
      await this.#removeAgain();
      const [left] = this.#unfinished;
      const isKilled = this.#random() < 0.5;
      const killedAfter = isKilled ? between(this.#random, 300, KILLED_WITHIN) : undefined;
      const failed = await this.#erase(left !== undefined && this.#random() < 0.5 ? left : this.#choose(), killedAfter);
      if (failed !== undefined) this.#say(`         ${failed}`);
    }
  }

  #choose(): Asked {
    const isCustomer = this.#random() < 0.6;
    const number = Math.ceil(this.#random() * (isCustomer ? 2_000 : 200));
    if (isCustomer) return { entity: 'customer', key: `C-${String(number).padStart(6, '0')}` };
    return { entity: 'inventory', key: `SKU-${String(number).padStart(5, '0')}` };
  }

  /** @returns why it is not erased yet; undefined if it is */
  async #erase(asked: Asked, killedAfter?: number): Promise<string | undefined> {
    const { folder, pipeline, postgres } = this.#stage;
    const { entity, key } = asked;
    this.#erased.set(entity, (this.#erased.get(entity) ?? new Set()).add(key));
    this.#unfinished.add(asked);
    const log = openSync(join(folder, 'erase.log'), 'a');
    const options = ['--reason', 'chaos', '--certificate', join(folder, `erased-${++this.#runs}.json`)];
    const child = spawn(process.execPath, [PROGRAM, 'erase', entity, key, '--config', pipeline.path, ...options], {
      env: {
        PATH: process.env.PATH,
        AUDIT_LOG: join(folder, 'audit.log'),
        ...(postgres !== undefined && { POSTGRES_URL: postgres.url }),
      },
      cwd: folder,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const kill = () => void child.kill('SIGKILL');
    const timer = killedAfter === undefined ? undefined : setTimeout(kill, killedAfter);
    this.#signal.addEventListener('abort', kill);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(timer);
    this.#signal.removeEventListener('abort', kill);
    if (code !== 0) return `erase ${entity} ${key} ended with ${code === null ? 'kill -9' : `exit code ${code}`}`;
    this.#unfinished.delete(asked);
    return undefined;
  }

  /** What is too old is removed in the next epoch, and not in a day. While Redis is down, it is forgotten by itself, or later. */
  async #removeAgain(): Promise<void> {
    await this.#inRedis((key) => ['del', key]).catch(() => {});
  }

  #inRedis(command: (key: string) => [name: string, key: string]): Promise<unknown> {
    const { redis, pipeline } = this.#stage;
    return withRedis(redis.url, (client) => {
      const [name, key] = command(`${redisPrefix(pipeline.config.name)}retention-done`);
      return client.call(name, key);
    });
  }
}
