import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from '@tributary/shared';
import * as scripts from './memory-scripts.js';
import { MemoryStore } from './memory-store.js';

/** The way from a client to the server, in order both ways. A test may hold up what passes, or do it twice. */
export type Link = <T>(what: string, effect: () => T) => Promise<T>;

export const directLink: Link = async (_what, effect) => effect();

const read = (name: string) => readFileSync(new URL(`../../src/ledger/lua/${name}.lua`, import.meta.url), 'utf8');
const texts = Object.keys(scripts).map((name) => [name as ScriptName, read(name)] as const);

export type ScriptName = keyof typeof scripts;
export type Scripts = Readonly<Record<ScriptName, scripts.Script>>;

/** Scripts by their SHA, for people who read a trace. */
const names = new Map<string, ScriptName>();

const COMMANDS = [
  ...['info', 'get', 'set', 'incr', 'pttl', 'pexpire', 'del', 'unlink', 'scan', 'eval', 'script'],
  ...['hget', 'hset', 'hgetall', 'zrange', 'zrem'],
];

/**
 * As much of a Redis server as the ledger asks of one, in this process and on the test's clock. Its Lua scripts are
 * those of memory-scripts.ts; like a real server it knows only what was loaded, and forgets that when it restarts.
 */
export class MemoryRedis {
  readonly store: MemoryStore;
  /** Its maxmemory-policy. */
  evicts = 'noeviction';
  #runs = 1;
  readonly #loaded = new Set<string>();

  constructor(
    now: () => number,
    private readonly scriptsOf: Scripts = scripts,
  ) {
    this.store = new MemoryStore(now);
  }

  /** Forgets the scripts, takes another run id, and has what the snapshot holds; nothing without one. */
  restart(snapshot?: () => void): void {
    this.store.run = `run${++this.#runs}`;
    this.#loaded.clear();
    this.store.flush();
    snapshot?.();
  }

  /** A client that can be given to whoever wants a Redis, as long as it asks only what `call` knows. */
  client(link: Link = directLink): Redis {
    const send =
      (command: string) =>
      (...args: unknown[]) =>
        link(describe(command, args), () => this.#call(command, args.map(String)));
    const client = {
      ...Object.fromEntries(COMMANDS.map((command) => [command, send(command)])),
      pipeline: () => this.#pipeline(send),
      // Notes for people, which nothing waits for: no step of a schedule.
      xadd: async () => '0-1',
    };
    return client as unknown as Redis;
  }

  #pipeline(send: (command: string) => (...args: unknown[]) => Promise<unknown>) {
    const queue: (() => Promise<unknown>)[] = [];
    const add =
      (command: string) =>
      (...args: unknown[]) => {
        queue.push(() => send(command)(...args));
        return pipeline;
      };
    const pipeline = {
      ...Object.fromEntries(['evalsha', 'hset', 'zadd', 'hgetall', 'zrange'].map((name) => [name, add(name)])),
      get length() {
        return queue.length;
      },
      exec: () => {
        const answered = (value: unknown) => [null, value];
        const failed = (error: unknown) => [error, undefined];
        return Promise.all(queue.map((command) => command().then(answered, failed)));
      },
    };
    return pipeline;
  }

  #call(command: string, args: readonly string[]): unknown {
    const { store } = this;
    const [key = '', ...rest] = args;
    switch (command) {
      case 'info':
        return `run_id:${store.run}\r\nmaxmemory_policy:${this.evicts}\r\n`;
      case 'get':
        return store.get(key);
      case 'set': {
        const [value = '', , milliseconds, ifAbsent] = rest;
        if (ifAbsent === 'NX' && store.get(key) !== null) return null;
        store.set(key, value, milliseconds === undefined ? undefined : Number(milliseconds));
        return 'OK';
      }
      case 'incr':
        store.set(key, String(Number(store.get(key) ?? 0) + 1));
        return Number(store.get(key));
      case 'pttl':
        return (store.strings.get(key)?.expires ?? 0) - store.now();
      case 'pexpire':
        store.set(key, store.get(key) ?? '', Number(rest[0]));
        return 1;
      case 'del':
      case 'unlink':
        for (const name of args) store.delete(name);
        return args.length;
      case 'scan': {
        const pattern = args[2] ?? '*';
        const prefix = pattern.slice(0, -1).replaceAll('\\', '');
        return ['0', store.keys().filter((name) => name.startsWith(prefix))];
      }
      case 'eval':
        return this.#whileHeld(args);
      case 'script': {
        const [, source = ''] = args;
        if (key === 'FLUSH') return this.#loaded.clear();
        const [name] = texts.find(([, text]) => source.endsWith(text)) ?? [];
        if (name === undefined) throw new Error('ERR this server has no Lua; it knows only the scripts of the ledger');
        const sha = createHash('sha1').update(source).digest('hex');
        names.set(sha, name);
        this.#loaded.add(sha);
        return sha;
      }
      case 'evalsha': {
        const name = this.#loaded.has(key) ? names.get(key) : undefined;
        if (name === undefined) throw new Error('NOSCRIPT No matching script. Please use EVAL.');
        const count = Number(rest[0]);
        return this.scriptsOf[name](store, rest.slice(1, 1 + count), rest.slice(1 + count));
      }
      case 'hget':
        return store.hash(key).get(rest[0] ?? '') ?? null;
      case 'hgetall':
        return Object.fromEntries(store.hash(key));
      case 'zrange':
        return rest[2] === 'WITHSCORES'
          ? store.membersFrom(key, '', true).flatMap((member) => [member, String(store.sortedSet(key).get(member))])
          : store.membersFrom(key, '', true);
      case 'zrem':
        for (const member of rest) store.sortedSet(key).delete(member);
        return rest.length;
      case 'hset':
        return store.hash(key).set(rest[0] ?? '', rest[1] ?? '').size;
      case 'zadd':
        return store.sortedSet(key).set(rest[1] ?? '', Number(rest[0])).size;
      default:
        throw new Error(`ERR unknown command ${command}`);
    }
  }

  /** What epoch.ts does only while it still holds the rebuild's lock. */
  #whileHeld([source = '', count, lock = '', ...rest]: readonly string[]): unknown {
    const keys = rest.slice(0, Number(count) - 1);
    const [token, value = ''] = rest.slice(Number(count) - 1);
    if (this.store.get(lock) !== token) return 0;
    if (source.includes("'PEXPIRE'")) this.store.set(lock, token ?? '', Number(value));
    else if (source.includes("'DEL'")) this.store.delete(lock);
    else this.store.set(keys[0] ?? '', value);
    return 1;
  }
}

/** A command in one short line. What a script's call means begins behind its keys, the epoch and the writer. */
function describe(command: string, args: readonly unknown[]): string {
  const [sha, count] = args;
  const shown = command === 'evalsha' ? [names.get(String(sha)), ...args.slice(4 + Number(count))] : args;
  return `redis ${command} ${shown.map((arg) => String(arg).slice(0, 60)).join(' ')}`.slice(0, 200);
}
