import type { TestPipeline, TestRedis } from '../support/test-redis.js';
import type { RedisCommand } from './redis-commands.js';

type Argument = string | number;

/** Sends one command to the server and gives its answer. */
export type Send = <T>(command: RedisCommand, ...args: Argument[]) => Promise<T>;

/** A client of the Redis in memory. */
export class MemoryClient implements TestRedis {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  info(section: string): Promise<string> {
    return this.#send('info', section);
  }

  get(key: string): Promise<string | null> {
    return this.#send('get', key);
  }

  set(key: string, value: string, ...options: Argument[]): Promise<unknown> {
    return this.#send('set', key, value, ...options);
  }

  incr(key: string): Promise<number> {
    return this.#send('incr', key);
  }

  pttl(key: string): Promise<number> {
    return this.#send('pttl', key);
  }

  pexpire(key: string, milliseconds: number): Promise<unknown> {
    return this.#send('pexpire', key, milliseconds);
  }

  del(key: string): Promise<number> {
    return this.#send('del', key);
  }

  unlink(...keys: string[]): Promise<number> {
    return this.#send('unlink', ...keys);
  }

  scan(cursor: string, ...options: Argument[]): Promise<[string, string[]]> {
    return this.#send('scan', cursor, ...options);
  }

  hget(key: string, field: string): Promise<string | null> {
    return this.#send('hget', key, field);
  }

  hset(key: string, field: string, value: string): Promise<unknown> {
    return this.#send('hset', key, field, value);
  }

  hgetall(key: string): Promise<Record<string, string>> {
    return this.#send('hgetall', key);
  }

  zrange(key: string, from: number, to: number, ...options: Argument[]): Promise<string[]> {
    return this.#send('zrange', key, from, to, ...options);
  }

  zrem(key: string, ...members: string[]): Promise<number> {
    return this.#send('zrem', key, ...members);
  }

  script(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#send('script', command, ...args);
  }

  eval(source: string, keyCount: number, ...keysAndArgs: Argument[]): Promise<unknown> {
    return this.#send('eval', source, keyCount, ...keysAndArgs);
  }

  pipeline(): MemoryPipeline {
    return new MemoryPipeline(this.#send);
  }
}

/** Commands that are sent together. Each is a step of its own, as the commands of a real pipeline are. */
class MemoryPipeline implements TestPipeline {
  readonly #send: Send;
  readonly #queue: (() => Promise<unknown>)[] = [];

  constructor(send: Send) {
    this.#send = send;
  }

  get length(): number {
    return this.#queue.length;
  }

  evalsha(sha: string, keyCount: number, ...keysAndArgs: Argument[]): this {
    return this.#add('evalsha', sha, keyCount, ...keysAndArgs);
  }

  hset(key: string, field: string, value: string): this {
    return this.#add('hset', key, field, value);
  }

  zadd(key: string, score: number, member: string): this {
    return this.#add('zadd', key, score, member);
  }

  hgetall(key: string): this {
    return this.#add('hgetall', key);
  }

  zrange(key: string, from: number, to: number): this {
    return this.#add('zrange', key, from, to);
  }

  exec(): Promise<[error: Error | null, answer: unknown][]> {
    const answered = (answer: unknown): [null, unknown] => [null, answer];
    const failed = (error: Error): [Error, undefined] => [error, undefined];
    return Promise.all(this.#queue.map((command) => command().then(answered, failed)));
  }

  #add(command: RedisCommand, ...args: Argument[]): this {
    this.#queue.push(() => this.#send(command, ...args));
    return this;
  }
}
