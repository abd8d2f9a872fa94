import { doubtLedger, type Logger, ledgerEpochKey, type Overwritten, redisPrefix } from '@tributary/shared';
import { rebuildsKey } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';

/** Other consumers find the same key, and one of them may have mended it by now. */
const REMOVE = `
if redis.call('TYPE', KEYS[1]).ok == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** What rebuilds were begun for is not known any more, so that each row has to prove itself. */
const DOUBT_ALL = `
if redis.call('TYPE', KEYS[1]).ok ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'doubted', '1')
return 1`;

export interface MendOptions {
  readonly redis: Pick<LedgerRedis, 'eval'>;
  readonly pipeline: string;
  readonly log: Logger;
}

/**
 * Ends the epoch of a ledger of which another program has overwritten a key: it is rebuilt from the output, under other keys, and what is
 * under those of the epoch is removed. Doing it twice does no harm.
 */
export async function mendOverwritten(
  found: readonly Overwritten[],
  { redis, pipeline, log }: MendOptions,
): Promise<void> {
  for (const { key, type, kept } of found) {
    if (kept.isMended !== true) continue;
    log.error({ key, type }, 'another program has overwritten a key of the ledger: it is rebuilt from the output');
    if (key === rebuildsKey(pipeline)) await redis.eval(DOUBT_ALL, 1, key, type);
    else if (key !== ledgerEpochKey(pipeline)) await endEpochOf(key, redis, pipeline);
    // The next epoch is begun with a look at what is under the keys of the one before.
    await redis.eval(REMOVE, 1, key, type);
  }
}

/** Only if it is the present one: otherwise a rebuild is done already. */
async function endEpochOf(key: string, redis: MendOptions['redis'], pipeline: string): Promise<void> {
  const named = key.slice(redisPrefix(pipeline).length).split(':')[0] ?? '';
  const isPresent = `
    local epoch = redis.call('GET', KEYS[1])
    return epoch and string.sub(epoch, -#ARGV[1]) == ARGV[1] and 1 or 0`;
  if ((await redis.eval(isPresent, 1, ledgerEpochKey(pipeline), named)) === 1) await doubtLedger(redis, pipeline);
}
