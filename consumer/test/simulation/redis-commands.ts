import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as scripts from './memory-scripts.js';
import type { MemoryStore } from './memory-store.js';

export type ScriptName = keyof typeof scripts;
export type Scripts = Readonly<Record<ScriptName, scripts.Script>>;

/** What the commands work on. */
export interface MemoryServer {
  readonly store: MemoryStore;
  /** Its maxmemory-policy. */
  readonly evicts: string;
  readonly scripts: Scripts;
  /** The SHAs of the scripts that it was given. */
  readonly loaded: Set<string>;
}

type Command = (server: MemoryServer, args: readonly string[]) => unknown;

const read = (name: string) => readFileSync(new URL(`../../src/ledger/lua/${name}.lua`, import.meta.url), 'utf8');
const texts = Object.keys(scripts).map((name) => [name as ScriptName, read(name)] as const);

/** Scripts by their SHA; it also gives them a name in the trace that people read. */
export const scriptNames = new Map<string, ScriptName>();

const remove: Command = ({ store }, keys) => {
  for (const key of keys) store.delete(key);
  return keys.length;
};

function setFields(hash: Map<string, string>, fieldsAndValues: readonly string[]): void {
  for (let at = 0; at < fieldsAndValues.length; at += 2)
    hash.set(fieldsAndValues[at] ?? '', fieldsAndValues[at + 1] ?? '');
}

/** As doubtLedger does. */
function doubt(store: MemoryStore, key: string, mark: string): null {
  const epoch = store.get(key) ?? '';
  if (!epoch.endsWith(mark)) store.set(key, epoch + mark);
  return null;
}

/** The commands of Redis that the ledger and its tests send, as far as they use them. */
export const REDIS_COMMANDS = {
  info: ({ store, evicts }) => `run_id:${store.run}\r\nmaxmemory_policy:${evicts}\r\n`,

  get: ({ store }, [key = '']) => store.get(key),

  set({ store }, [key = '', value = '', , milliseconds, ifAbsent]) {
    if (ifAbsent === 'NX' && store.get(key) !== null) return null;
    store.set(key, value, milliseconds === undefined ? undefined : Number(milliseconds));
    return 'OK';
  },

  incr({ store }, [key = '']) {
    store.set(key, String(Number(store.get(key) ?? 0) + 1));
    return Number(store.get(key));
  },

  pttl: ({ store }, [key = '']) => (store.strings.get(key)?.expires ?? 0) - store.now(),

  pexpire({ store }, [key = '', milliseconds]) {
    store.set(key, store.get(key) ?? '', Number(milliseconds));
    return 1;
  },

  del: remove,

  unlink: remove,

  scan({ store }, [, , pattern = '*']) {
    const prefix = pattern.slice(0, -1).replaceAll('\\', '');
    return ['0', store.keys().filter((name) => name.startsWith(prefix))];
  },

  hget: ({ store }, [key = '', field = '']) => store.hash(key).get(field) ?? null,

  hset: ({ store }, [key = '', field = '', value = '']) => store.hash(key).set(field, value).size,

  hgetall: ({ store }, [key = '']) => Object.fromEntries(store.hash(key)),

  zadd: ({ store }, [key = '', score, member = '']) => store.sortedSet(key).set(member, Number(score)).size,

  zrange({ store }, [key = '', , , withScores]) {
    const members = store.membersFrom(key, '', true);
    if (withScores !== 'WITHSCORES') return members;
    return members.flatMap((member) => [member, String(store.sortedSet(key).get(member))]);
  },

  zrem({ store }, [key = '', ...members]) {
    for (const member of members) store.sortedSet(key).delete(member);
    return members.length;
  },

  script({ loaded }, [command, source = '']) {
    if (command === 'FLUSH') return loaded.clear();
    const [name] = texts.find(([, text]) => source.endsWith(text)) ?? [];
    if (name === undefined) throw new Error('ERR this server has no Lua; it knows only the scripts of the ledger');
    const sha = createHash('sha1').update(source).digest('hex');
    scriptNames.set(sha, name);
    loaded.add(sha);
    return sha;
  },

  evalsha(server, [sha = '', count, ...rest]) {
    const name = server.loaded.has(sha) ? scriptNames.get(sha) : undefined;
    if (name === undefined) throw new Error('NOSCRIPT No matching script. Please use EVAL.');
    return server.scripts[name](server.store, rest.slice(0, Number(count)), rest.slice(Number(count)));
  },

  /** The short scripts of recovery/: each does something only while the token is still in the first key. */
  eval({ store }, [source = '', count, lock = '', ...rest]) {
    if (source.includes("'TIME'"))
      return [String(Math.floor(store.now() / 1_000)), String((store.now() % 1_000) * 1_000)];
    if (source.includes('string.sub(epoch')) return doubt(store, lock, rest[0] ?? '');
    const keys = rest.slice(0, Number(count) - 1);
    const [token, value = '', ...more] = rest.slice(Number(count) - 1);
    const isPublishing = !["'PEXPIRE'", "'DEL'", "'HSET'"].some((command) => source.includes(command));
    // The script of RebuildLock.publish says the same first.
    if (isPublishing && source.includes('== ARGV[2] then return 1') && store.get(keys[0] ?? '') === value) return 1;
    if (store.get(lock) !== token) return 0;
    if (source.includes("'PEXPIRE'")) store.set(lock, token ?? '', Number(value));
    else if (source.includes("'DEL'")) store.delete(lock);
    else if (source.includes("'HSET'")) setFields(store.hash(keys[0] ?? ''), [value, ...more]);
    else if (store.get(keys[0] ?? '') !== null) return 0;
    else store.set(keys[0] ?? '', value);
    return 1;
  },
} satisfies Readonly<Record<string, Command>>;

export type RedisCommand = keyof typeof REDIS_COMMANDS;
