import type { Command, Redis } from 'ioredis';
import { type KeptKey, keptUnder } from './key-types.js';

/** A key of the pipeline that holds another type than it should. */
export interface Overwritten {
  readonly key: string;
  /** What it holds, as TYPE names it. */
  readonly type: string;
  readonly kept: KeptKey;
}

/** Keys that are looked at together, and that are told of, at most. */
const MOST = 50;
const TOLD = 3;

/**
 * Finds the keys of a pipeline that another program has overwritten with another type, by the commands that Redis refuses for it
 * (WRONGTYPE). The error does not name the key, and a script has several.
 */
export class OverwrittenKeys {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #suspects = new Set<string>();

  /** @param prefix how the keys of the pipeline begin */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (command, stream) => {
      command.promise.catch((error: unknown) => {
        if (isWrongType(error)) this.#suspect(command);
      });
      return send(command, stream);
    };
  }

  /** The keys that are overwritten now. */
  async find(): Promise<readonly Overwritten[]> {
    const found: Overwritten[] = [];
    for (const key of [...this.#suspects].slice(0, MOST)) {
      const kept = keptUnder(key.slice(this.#prefix.length));
      const type = kept === undefined ? undefined : await this.#redis.type(key);
      if (kept === undefined || type === undefined || type === 'none' || type === kept.type) this.#suspects.delete(key);
      else found.push({ key, type, kept });
    }
    return found;
  }

  #suspect(command: Command): void {
    for (const key of command.getKeys().map(String)) if (key.startsWith(this.#prefix)) this.#suspects.add(key);
  }
}

export const isWrongType = (error: unknown): boolean => error instanceof Error && /\bWRONGTYPE\b/.test(error.message);

/** What is overwritten and what to do, in words that follow "Redis (where)". */
export function describeOverwritten(found: readonly Overwritten[]): string {
  const told = found.slice(0, TOLD).map(({ key, type, kept }) => {
    const held = kept.type === 'none' ? 'nothing' : `a ${kept.type}`;
    const remedy = kept.isMended ? kept.after : `remove it with DEL "${key}"; then ${kept.after}`;
    return `holds a ${type} under "${key}", where this pipeline keeps ${held}: ${remedy}`;
  });
  const more = found.length > TOLD ? [`and so with ${found.length - TOLD} more of its keys`] : [];
  const who =
    'another program has overwritten it (WRONGTYPE); keys that begin with the name of the pipeline belong to it';
  return `${[...told, ...more].join('; ')}; ${who}`;
}
