import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { datasetsOf, systemClock } from '@tributary/shared';
import { Redis } from 'ioredis';
import type { Stage } from './stage.js';
import type { Worker } from './worker.js';

/**
 * When a consumer is hit. The steps that must not be torn apart lie milliseconds from each other, so a hit at any time
 * mostly misses them: `write` is right after it has written to a part, `ledger` right after it has spoken to Redis.
 */
export type Moment = 'any' | 'write' | 'ledger';

/** Milliseconds that a moment is waited for; then any will do. */
const PATIENCE = 2_000;

/**
 * Hits at the moment. The blow itself is synchronous: nothing comes between the sign and it.
 * @param after so many such moments are let pass before
 */
export async function atMoment(
  moment: Moment,
  { stage, worker, after, signal }: { stage: Stage; worker: Worker; after: number; signal: AbortSignal },
  hit: () => void,
): Promise<void> {
  const passed = new AbortController();
  let left = after;
  const onSign = () => {
    if (passed.signal.aborted || left-- > 0) return;
    hit();
    passed.abort();
  };
  const stop = await lookOut(moment, stage, worker, onSign);
  try {
    await systemClock.sleep(PATIENCE, AbortSignal.any([passed.signal, signal]));
    if (!passed.signal.aborted) hit();
  } finally {
    passed.abort();
    stop();
  }
}

async function lookOut(moment: Moment, stage: Stage, worker: Worker, onSign: () => void): Promise<() => void> {
  switch (moment) {
    case 'any':
      onSign();
      return () => {};
    case 'write':
      return watchWrites(stage, worker, onSign);
    case 'ledger':
      return watchLedger(stage, worker, onSign);
  }
}

function watchWrites({ pipeline: { config } }: Stage, worker: Worker, onSign: () => void): () => void {
  const watchers: FSWatcher[] = [];
  for (const { name } of datasetsOf(config)) {
    const folder = join(config.sink.csv.directory, name);
    mkdirSync(folder, { recursive: true });
    const watcher = watch(folder, (event, file) => {
      if (event === 'change' && file?.startsWith(`part-${worker.name}-`)) onSign();
    });
    watchers.push(watcher);
  }
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

/** Redis tells each command as it runs it (MONITOR); the ledger's scripts are called with the writer's name. */
async function watchLedger({ redis }: Stage, worker: Worker, onSign: () => void): Promise<() => void> {
  const client = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    const monitor = await client.monitor();
    monitor.on('error', () => {});
    monitor.on('monitor', (_time: string, [command, ...args]: string[]) => {
      if (command === 'evalsha' && args.some((arg) => arg.startsWith(`${worker.name}-`))) onSign();
    });
    return () => {
      monitor.disconnect();
      client.disconnect();
    };
  } catch {
    // Redis is down just now: then any moment will do.
    client.disconnect();
    onSign();
    return () => {};
  }
}
