import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { LedgerRedis } from './redis-client.js';

// The .lua files lie in src; both src/ledger and dist/ledger are two folders below the workspace.
const read = (name: string) => readFileSync(new URL(`../../src/ledger/lua/${name}.lua`, import.meta.url), 'utf8');

function load(name: string) {
  const source = `${read('prelude')}\n${read(name)}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

const SCRIPTS = {
  claim: load('claim'),
  commit: load('commit'),
  release: load('release'),
  doubt: load('doubt'),
  join: load('join'),
  close: load('close'),
  lease: load('lease'),
  knows: load('knows'),
};

export type ScriptName = keyof typeof SCRIPTS;
export type ScriptCall = { readonly keys: readonly string[]; readonly args: readonly (string | number)[] };

/** Runs the ledger's scripts by their SHA. A server that does not know them, or has lost them, is given them. */
export class LedgerScripts {
  readonly #redis: Pick<LedgerRedis, 'pipeline' | 'script'>;

  constructor(redis: Pick<LedgerRedis, 'pipeline' | 'script'>) {
    this.#redis = redis;
  }

  /** Runs one script for each call, in one round trip, and gives the answers in order. */
  async run(name: ScriptName, calls: readonly ScriptCall[]): Promise<unknown[]> {
    if (calls.length === 0) return [];
    for (;;) {
      const pipeline = this.#redis.pipeline();
      for (const { keys, args } of calls) pipeline.evalsha(SCRIPTS[name].sha, keys.length, ...keys, ...args);
      const results = (await pipeline.exec()) ?? [];
      const failure = results.find(([error]) => error !== null)?.[0];
      if (failure === undefined || failure === null) return results.map(([, answer]) => answer);
      if (!failure.message.startsWith('NOSCRIPT')) throw failure;
      // Some of the calls may have run already: every script may safely run twice.
      await Promise.all(Object.values(SCRIPTS).map(({ source }) => this.#redis.script('LOAD', source)));
    }
  }
}
