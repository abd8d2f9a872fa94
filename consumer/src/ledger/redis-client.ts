/**
 * What the ledger, its recovery and the dead letters ask of a Redis client. The client of ioredis fits this port, and so
 * does the Redis in memory that the simulation runs on.
 */
export interface LedgerRedis {
  info(section: string): Promise<string>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>;
  /** @returns 'OK', or null if the key was there */
  set(key: string, value: string, unit: 'PX', milliseconds: number, ifAbsent: 'NX'): Promise<unknown>;
  incr(key: string): Promise<number>;
  /** @returns milliseconds until the key is removed; less than 0 if it never is, or is not there */
  pttl(key: string): Promise<number>;
  pexpire(key: string, milliseconds: number): Promise<unknown>;
  del(key: string): Promise<number>;
  unlink(...keys: string[]): Promise<number>;
  scan(cursor: string, match: 'MATCH', pattern: string, count: 'COUNT', keys: number): Promise<[string, string[]]>;
  hgetall(key: string): Promise<Record<string, string>>;
  hget(key: string, field: string): Promise<string | null>;
  zrange(key: string, from: number, to: number, withScores: 'WITHSCORES'): Promise<string[]>;
  zrem(key: string, ...members: string[]): Promise<number>;
  script(command: 'LOAD', source: string): Promise<unknown>;
  eval(source: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>;
  pipeline(): LedgerPipeline;
}

/** Commands that are sent together, and answered in order. */
export interface LedgerPipeline {
  readonly length: number;
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | number)[]): unknown;
  hset(key: string, field: string, value: string): unknown;
  zadd(key: string, score: number, member: string): unknown;
  /** @returns for each command its error, or null, and its answer */
  exec(): Promise<[error: Error | null, answer: unknown][] | null>;
}
