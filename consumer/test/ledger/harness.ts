import { randomBytes } from 'node:crypto';
import type { Redis, Row } from '@tributary/shared';
import { type LedgerKeys, ledgerKeys } from '../../src/ledger/keys.js';
import type { Ledger } from '../../src/ledger/port.js';
import { RedisLedger } from '../../src/ledger/redis.js';
import { LedgerScripts } from '../../src/ledger/scripts.js';

/** A ledger in an epoch of its own, and the writers that share it. */
export interface LedgerHarness {
  writer(name: string): Ledger;
  /** As FLUSHALL does: the epoch is gone. */
  loseEpoch(): Promise<void>;
  /** Everything that it holds, but leases and fences. */
  state(): Promise<LedgerState>;
  /** Removes what the test has left. */
  clear(): Promise<void>;
}

export const CUSTOMERS = 'customers';
/** The merge's dataset, where a newer row sweeps away the claims on older ones. */
export const MERGED = 'customer_inventory';

/** A row of a content; `null` is a tombstone. */
export function rowOf(dataset: string, key: string, content: string | null, order: string): Row {
  const [version = '', messageId = ''] = order.split(' ');
  const values = content === null ? null : { content };
  return { dataset, key, hash: `hash-of-${content}`, order, version, messageId, values };
}

export const uniquePipeline = (): string => `ledger_${randomBytes(5).toString('hex')}`;

/** What the epoch's name holds of the server's run (see enterEpoch). */
export async function runOf(redis: Redis): Promise<string> {
  return /run_id:(\w+)/.exec(await redis.info('server'))?.[1]?.slice(0, 16) ?? 'unknown';
}

/** A ledger in a Redis, under a pipeline name that nobody else uses. */
export async function redisHarness(redis: Redis, pipeline = uniquePipeline()): Promise<LedgerHarness> {
  const epoch = `sink.${await runOf(redis)}.first`;
  const keys = ledgerKeys(pipeline, epoch);
  await redis.set(keys.epoch, epoch);
  const scripts = new LedgerScripts(redis);
  return {
    writer: (writer) => new RedisLedger({ scripts, keys, epoch, writer, mergeDataset: MERGED }),
    loseEpoch: async () => void (await redis.del(keys.epoch)),
    state: () => stateOf(redis, keys, [CUSTOMERS, MERGED]),
    clear: () => removePipeline(redis, pipeline),
  };
}

export type LedgerState = Readonly<Record<string, unknown>>;

export async function stateOf(redis: Redis, keys: LedgerKeys, datasets: readonly string[]): Promise<LedgerState> {
  const hashes = {
    ...Object.fromEntries(datasets.map((dataset) => [`ledger of ${dataset}`, keys.ledger(dataset)])),
    ...Object.fromEntries(datasets.map((dataset) => [`claims of ${dataset}`, keys.claims(dataset)])),
    ...{ each: keys.each, with: keys.with, open: keys.open },
  };
  const pipeline = redis.pipeline();
  for (const key of Object.values(hashes)) pipeline.hgetall(key);
  pipeline.zrange(keys.refs, 0, -1);
  const names = [...Object.keys(hashes), 'refs'];
  return Object.fromEntries(((await pipeline.exec()) ?? []).map(([, value], index) => [names[index] ?? '', value]));
}

/** Removes the keys of one pipeline, and no others. */
export async function removePipeline(redis: Redis, pipeline: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `{${pipeline}}:*`, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}
