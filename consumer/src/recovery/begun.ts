import { type LedgerKeys, rebuildsKey } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import { BulkWriter } from './bulk-writer.js';

/**
 * What rebuilds were begun for, until one of them is done. The epoch before, which told it, is removed when a rebuild begins. If the
 * consumer dies in the middle, the next rebuild would take changed rows for sound, and leave the keys that were filled behind.
 */
export interface BegunRebuilds {
  readonly isDoubted: boolean;
  readonly reformed: ReadonlySet<string>;
  /** The names of the epochs that were being filled. */
  readonly epochs: readonly string[];
}

const DOUBTED = 'doubted';
const REFORMED = 'reformed ';
const EPOCH = 'epoch ';

export async function readBegunRebuilds(redis: Pick<LedgerRedis, 'hgetall'>, pipeline: string): Promise<BegunRebuilds> {
  const fields = Object.keys(await redis.hgetall(rebuildsKey(pipeline)));
  const after = (prefix: string) =>
    fields.filter((field) => field.startsWith(prefix)).map((field) => field.slice(prefix.length));
  return { isDoubted: fields.includes(DOUBTED), reformed: new Set(after(REFORMED)), epochs: after(EPOCH) };
}

/** To be called before the epoch before is removed. */
export async function noteBegunRebuild(
  redis: Pick<LedgerRedis, 'pipeline'>,
  pipeline: string,
  { isDoubted, reformed, epochs }: BegunRebuilds,
): Promise<void> {
  const writer = new BulkWriter(redis);
  const fields = [...reformed].map((dataset) => `${REFORMED}${dataset}`);
  fields.push(...epochs.map((epoch) => `${EPOCH}${epoch}`));
  if (isDoubted) fields.push(DOUBTED);
  for (const field of fields) await writer.hset(rebuildsKey(pipeline), field, '1');
  await writer.flush();
}

/** Removes everything under the keys of an epoch. Keys of epochs that were never named are gone with the server that held them. */
export async function removeEpoch(
  redis: Pick<LedgerRedis, 'scan' | 'unlink'>,
  { pattern }: Pick<LedgerKeys, 'pattern'>,
): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}
