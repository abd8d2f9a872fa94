import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { datasetsOf, systemClock } from '@tributary/shared';
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
  if (moment === 'any') return hit();
  const stop = moment === 'write' ? watchWrites(stage, worker, onSign) : watchLedger(stage, worker, onSign);
  try {
    await systemClock.sleep(PATIENCE, AbortSignal.any([passed.signal, signal]));
    if (!passed.signal.aborted) hit();
  } finally {
    passed.abort();
    stop();
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

/**
 * Redis tells each command as it runs it (MONITOR); the ledger's scripts are called with the writer's name. Read from a
 * plain socket: a client library takes lines that come with the first answer for answers of their own. While Redis is
 * down there is no sign, and any moment will do after a while.
 */
function watchLedger({ redis }: Stage, worker: Worker, onSign: () => void): () => void {
  const { hostname, port } = new URL(redis.url);
  const socket = connect(Number(port), hostname, () => socket.write('MONITOR\r\n'));
  socket.on('error', () => {});
  const lines = createInterface({ input: socket });
  // It hands its input's errors on, as its own.
  lines.on('error', () => {});
  lines.on('line', (line) => {
    if (line.includes(' "evalsha" ') && line.includes(` "${worker.name}-`)) onSign();
  });
  return () => socket.destroy();
}
