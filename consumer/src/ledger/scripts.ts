import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from '@tributary/shared';

// The .lua files lie in src; both src/ledger and dist/ledger are two folders below the workspace.
const read = (name: string) => readFileSync(new URL(`../../src/ledger/${name}.lua`, import.meta.url), 'utf8');

function load(name: string) {
  const source = `${read('order')}\n${read(name)}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

const SCRIPTS = {
  claim: load('claim'),
  commit: load('commit'),
  join: load('join'),
  close: load('close'),
  lease: load('lease'),
};

export type ScriptName = keyof typeof SCRIPTS;
export type ScriptCall = { readonly keys: readonly string[]; readonly args: readonly (string | number)[] };

/**
 * Runs the ledger's scripts by their SHA alone, never by their text. A Redis that restarted has forgotten them: the
 * NOSCRIPT that it answers is how a consumer learns of the restart before a stale snapshot can mislead it.
 */
export class LedgerScripts {
  constructor(
    private readonly redis: Redis,
    /** Called at NOSCRIPT: throws if this is another server, or the same one after a restart. */
    private readonly verifyServer: () => Promise<void>,
  ) {}

  /** Loads every script. Only after the epoch that the server holds is known to be its own. */
  async load(): Promise<void> {
    await Promise.all(Object.values(SCRIPTS).map(({ source }) => this.redis.script('LOAD', source)));
  }

  /** Runs one script for each call, in one round trip, and gives the answers in order. */
  async run(name: ScriptName, calls: readonly ScriptCall[]): Promise<unknown[]> {
    if (calls.length === 0) return [];
    for (;;) {
      const pipeline = this.redis.pipeline();
      for (const { keys, args } of calls) pipeline.evalsha(SCRIPTS[name].sha, keys.length, ...keys, ...args);
      const results = (await pipeline.exec()) ?? [];
      const failure = results.find(([error]) => error !== null)?.[0];
      if (failure === undefined || failure === null) return results.map(([, value]) => value);
      if (!failure.message.startsWith('NOSCRIPT')) throw failure;
      await this.verifyServer();
      // Somebody ran SCRIPT FLUSH, nothing more. Every script bears being run again.
      await this.load();
    }
  }
}
