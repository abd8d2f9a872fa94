import { MemoryClient } from './memory-client.js';
import * as scripts from './memory-scripts.js';
import { MemoryStore } from './memory-store.js';
import { type MemoryServer, REDIS_COMMANDS, type RedisCommand, type Scripts, scriptNames } from './redis-commands.js';

/** The connection from a client to the server, in order both ways. A test may hold up what passes, or do it twice. */
export type Link = <T>(what: string, effect: () => T) => Promise<T>;

export const directLink: Link = async (_what, effect) => effect();

/**
 * As much of a Redis server as the ledger asks of one, in this process and on the test's clock. Its Lua scripts are
 * those of memory-scripts.ts. Like a real server it knows only scripts that were loaded, and forgets them when it restarts.
 */
export class MemoryRedis implements MemoryServer {
  readonly store: MemoryStore;
  readonly scripts: Scripts;
  readonly loaded = new Set<string>();
  evicts = 'noeviction';
  #runs = 1;

  constructor(now: () => number, scriptsOf: Scripts = scripts) {
    this.store = new MemoryStore(now);
    this.scripts = scriptsOf;
  }

  /** Forgets the scripts, takes another run id, and has what the snapshot holds; nothing without one. */
  restart(snapshot?: () => void): void {
    this.store.run = `run${++this.#runs}`;
    this.loaded.clear();
    this.store.flush();
    snapshot?.();
  }

  client(link: Link = directLink): MemoryClient {
    return new MemoryClient(<T>(command: RedisCommand, ...args: (string | number)[]) => {
      const texts = args.map(String);
      return link(describe(command, texts), () => REDIS_COMMANDS[command](this, texts) as T);
    });
  }
}

/** A command in one short line. What tells the calls of a script apart begins behind its keys, the epoch and the writer. */
function describe(command: RedisCommand, args: readonly string[]): string {
  const [sha = '', count] = args;
  const shown = command === 'evalsha' ? [scriptNames.get(sha), ...args.slice(4 + Number(count))] : args;
  return `redis ${command} ${shown.map((arg) => String(arg).slice(0, 60)).join(' ')}`.slice(0, 200);
}
