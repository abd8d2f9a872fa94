import type { Redis } from 'ioredis';
import { describeError } from '../errors.js';
import { systemClock } from '../service/clock.js';
import { interruptible } from '../service/interruptible.js';
import type { Logger } from '../service/logging.js';
import { describeOverwritten, isWrongType, type Overwritten, OverwrittenKeys } from './overwritten.js';
import { reopen } from './reopen.js';
import { LOOK_EVERY, SilenceWatch } from './silence.js';
import { evictionIn, stateIn } from './states.js';

/** Looks between two questions, and between two that ask for what changes rarely. */
const ASK_EVERY = 2;
const ASK_RARELY_EVERY = 4;
/** Looks between two questions that have an effect. */
const ADD_EVERY = 8;
/** Looks between two connections that lead away from a replica. */
const LEAVE_REPLICA_EVERY = 8;
/**
 * Looks that find no connection, and no reason, after which that is logged. An attempt that fails has a reason by then; one that only
 * takes its time, on a busy machine, is no news.
 */
const LOG_AWAY_AFTER = 8;

/** Tells which command was refused: within a script, Redis does not name it. */
const NAMED = `
local function check(answer, command)
  if type(answer) == 'table' and answer.err then error(redis.error_reply(command .. ': ' .. answer.err)) end
end`;

/**
 * Changes nothing and is replicated nowhere, and yet is refused wherever a write is: by a replica, a full Redis, one that cannot
 * save, another node of a cluster. It gives the commands that the services use, as an ACL may refuse any of them.
 */
const TRY_TO_WRITE = `${NAMED}
local key = KEYS[1]
local function try(...) check(redis.pcall(...), (...)) end
try('SET', key, '', 'XX', 'PX', 1)
try('ZADD', key, 'XX', 0, '')
for _, command in ipairs({'DEL', 'EXISTS', 'GET', 'HGETALL', 'MGET', 'PTTL', 'UNLINK', 'BITCOUNT'}) do try(command, key) end
for _, command in ipairs({'HDEL', 'HGET', 'HMGET', 'SISMEMBER', 'ZREM', 'ZSCORE'}) do try(command, key, '') end
try('GETRANGE', key, 0, 0)
try('SETRANGE', key, 0, '')
try('HSCAN', key, 0)
try('PEXPIRE', key, 1)
try('ZRANGE', key, 0, 0)
try('ZRANGEBYLEX', key, '-', '+')
try('XADD', key, 'NOMKSTREAM', '*', '', '')
try('XRANGE', key, '-', '+')
try('XREVRANGE', key, '+', '-')
try('TIME')
try('INFO', 'server')
return 1`;

/** Commands that have no form without an effect. The key is gone when the script ends. */
const TRY_TO_ADD = `${NAMED}
local key = KEYS[1]
redis.call('DEL', key)
local function undo(...)
  local answer = redis.pcall(...)
  redis.call('DEL', key)
  check(answer, (...))
end
undo('HSET', key, '', '')
undo('INCR', key)
undo('SADD', key, '')
return 1`;

/** The hash of no script. */
const NO_SCRIPT = '0'.repeat(40);

/** What a service asks of its Redis. */
export interface RedisNeeds {
  /** A key of the pipeline that is never set: the questions are about it. */
  readonly key: string;
  /** Whether the service writes. One that reads is content with a replica. */
  readonly writes: boolean;
}

export interface RedisHealthOptions {
  readonly redis: Redis;
  /** The server, fit for logs. */
  readonly server: string;
  readonly log: Logger;
  /** Without it, only the connection is watched. */
  readonly needs?: RedisNeeds | undefined;
  /** Called when what keeps the service from using Redis changes; undefined if nothing does. */
  readonly onProblem?: ((words: string | undefined) => void) | undefined;
  /** Called each time keys of the pipeline are found that another program has overwritten with another type. */
  readonly onOverwritten?: ((found: readonly Overwritten[]) => void) | undefined;
}

/** Watches whether a Redis answers, and does what the service needs of it; tells it once when that changes. */
export class RedisHealth {
  readonly #options: RedisHealthOptions;
  readonly #silence: SilenceWatch;
  readonly #overwritten: OverwrittenKeys | undefined;
  readonly #timer: NodeJS.Timeout;
  #problem: string | undefined;
  #looks = 0;
  #looksAway = 0;
  #leftReplicaAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<boolean> | undefined;
  /** At which look the commands with an effect were taken last. */
  #addedAt: number | undefined;
  #lastEviction: { readonly look: number; readonly words: string | undefined } | undefined;
  /** Why the connection was closed, or could not be opened. */
  #reason: string | undefined;
  /** What was logged last, without what may change from one attempt to the next. */
  #logged: string | undefined;
  #isTold = false;

  constructor(options: RedisHealthOptions) {
    const { redis, server, needs, onProblem } = options;
    this.#options = options;
    if (needs !== undefined)
      this.#overwritten = new OverwrittenKeys(redis, needs.key.slice(0, needs.key.lastIndexOf(':') + 1));
    this.#silence = new SilenceWatch(redis);
    this.#problem = `Redis is not connected (${server})`;
    onProblem?.(this.#problem);
    redis.on('error', (error) => this.#failed(describeError(error)));
    redis.on('close', () => this.#closed());
    redis.on('ready', () => {
      this.#reason = undefined;
      this.#addedAt = undefined;
      void this.#ask();
    });
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    this.#timer.unref();
    reopen(redis, () => clearInterval(this.#timer));
  }

  /** What keeps the service from using Redis, in words; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when Redis has just done what is needed, or the signal has aborted. */
  async whenUsable(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { status } = this.#options.redis;
      if (status === 'ready' && (await interruptible(this.#ask(), signal).catch(() => false))) return;
      await systemClock.sleep(LOOK_EVERY, signal);
    }
  }

  #look(): void {
    this.#looks += 1;
    const { redis, server } = this.#options;
    const isOpen = redis.status === 'connect' || redis.status === 'ready';
    if (!this.#isAway) this.#looksAway = 0;
    else if (!isOpen) this.#looksAway += 1;
    if (!this.#isAway || this.#reason !== undefined || this.#looksAway >= LOG_AWAY_AFTER) this.#tell();
    if (this.#silence.look()) {
      const remedy =
        'the server may be suspended, blocked by a long command, or cut off by the network; connecting again until it answers';
      this.#set(`Redis does not answer (${server}), although the connection is open: ${remedy}`);
    } else if (this.#looks % ASK_EVERY === 0 && isOpen) {
      void this.#ask();
    }
  }

  /** One question at a time. @returns whether Redis can be used */
  #ask(): Promise<boolean> {
    this.#asking ??= this.#question().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #question(): Promise<boolean> {
    const { redis, server, needs } = this.#options;
    try {
      // Before it is ready, ioredis would hold back everything but INFO.
      if (redis.status === 'connect') {
        if (/^loading:1/m.test(await redis.info('persistence'))) this.#refused('LOADING');
        return false;
      }
      if (needs === undefined) await redis.ping();
      else if (needs.writes) await this.#tryToWrite(needs.key);
      else await redis.get(needs.key);
    } catch (error) {
      if (isWrongType(error)) return await this.#toldOfOverwritten();
      // Not an answer: the connection is told of by others.
      if (error instanceof Error && error.name === 'ReplyError') this.#refused(error.message);
      return false;
    }
    if (await this.#toldOfOverwritten()) return true;
    const evicts = needs?.writes === true ? await this.#eviction() : undefined;
    this.#set(evicts === undefined ? undefined : `Redis (${server}) ${evicts}`);
    return true;
  }

  /** @returns whether there are such keys. What does not need them goes on. */
  async #toldOfOverwritten(): Promise<boolean> {
    const { server, onOverwritten } = this.#options;
    const found = (await this.#overwritten?.find().catch(() => [])) ?? [];
    if (found.length === 0) return false;
    this.#set(`Redis (${server}) ${describeOverwritten(found)}`);
    onOverwritten?.(found);
    return true;
  }

  async #tryToWrite(key: string): Promise<void> {
    const { redis } = this.#options;
    await redis.eval(TRY_TO_WRITE, 1, key);
    await redis.evalsha(NO_SCRIPT, 0).catch((error: unknown) => {
      if (!describeError(error).includes('NOSCRIPT')) throw error;
    });
    if (this.#addedAt !== undefined && this.#looks - this.#addedAt < ADD_EVERY) return;
    this.#addedAt = undefined;
    await redis.eval(TRY_TO_ADD, 1, key);
    this.#addedAt = this.#looks;
  }

  async #eviction(): Promise<string | undefined> {
    const last = this.#lastEviction;
    if (last !== undefined && this.#looks - last.look < ASK_RARELY_EVERY) return last.words;
    // Where INFO is not allowed, nothing is known of it.
    const info = await this.#options.redis.info('memory').catch(() => '');
    this.#lastEviction = { look: this.#looks, words: evictionIn(info) };
    return this.#lastEviction.words;
  }

  #refused(error: string): void {
    const { redis, server } = this.#options;
    const state = stateIn(error);
    this.#set(state === undefined ? `Redis (${server}) refuses what is asked: ${error}` : `Redis (${server}) ${state}`);
    // After a failover the name may lead to the new master by now.
    if (!/\bREADONLY\b/.test(error) || this.#looks - this.#leftReplicaAt < LEAVE_REPLICA_EVERY) return;
    this.#leftReplicaAt = this.#looks;
    redis.disconnect(true);
  }

  #failed(reason: string): void {
    const { redis, server } = this.#options;
    if (redis.status === 'end') return;
    this.#reason = reason;
    const state = stateIn(reason);
    if (state !== undefined) this.#set(`Redis (${server}) ${state}`);
    else if (redis.status !== 'ready' && !this.#isNamed) {
      this.#set(`Redis is not connected (${server}): ${reason}`);
      this.#tell();
    }
  }

  #closed(): void {
    const { redis, server } = this.#options;
    if (redis.status === 'end' || this.#isNamed) return;
    this.#set(`Redis is not connected (${server})${this.#reason === undefined ? '' : `: ${this.#reason}`}`);
  }

  /** Whether what is told says more than that there is no connection: it stays until Redis can be used, or cannot be reached. */
  get #isNamed(): boolean {
    return this.#problem !== undefined && !this.#problem.startsWith('Redis is not connected') && !this.#isGone;
  }

  get #isAway(): boolean {
    return this.#problem !== undefined && !this.#isNamed;
  }

  get #isGone(): boolean {
    return /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN/.test(this.#reason ?? '');
  }

  #set(words: string | undefined): void {
    const { onProblem } = this.#options;
    if (words === this.#problem) return;
    this.#problem = words;
    // A connection that is lost may be back at once, and its reason is known at the next attempt.
    if (words === undefined || this.#isNamed) this.#tell();
    onProblem?.(words);
  }

  /** Logs once that something is wrong, and once that it is over. */
  #tell(): void {
    const { server, log } = this.#options;
    const kind = this.#isAway ? 'away' : this.#problem;
    if (kind === this.#logged && this.#isTold) return;
    this.#isTold = true;
    this.#logged = kind;
    if (kind === undefined) log.info({ redis: server }, 'connected to Redis');
    else if (kind === 'away')
      log.warn({ redis: server, reason: this.#reason }, 'Redis cannot be reached; waiting for it');
    else log.warn({ redis: server }, kind);
  }
}
