import { redisPrefix } from './redis.js';

/** Holds the name of the ledger's present epoch. Without it, or with another, no consumer can claim or commit anything. */
export const ledgerEpochKey = (pipeline: string): string => `${redisPrefix(pipeline)}epoch`;

/** Behind the name of an epoch: it is over, because a person does not believe what its ledger says. */
const DOUBTED = ' doubted';

const DOUBT = `
local epoch = redis.call('GET', KEYS[1]) or ''
if string.sub(epoch, -#ARGV[1]) ~= ARGV[1] then redis.call('SET', KEYS[1], epoch .. ARGV[1]) end`;

/**
 * Ends the present epoch of the ledger, also one that is just being built: before the consumers judge another record, one of them
 * compares the ledger with the sink. Doing it twice does no harm.
 */
export async function doubtLedger(
  redis: { eval(source: string, keyCount: number, key: string, arg: string): Promise<unknown> },
  pipeline: string,
): Promise<void> {
  await redis.eval(DOUBT, 1, ledgerEpochKey(pipeline), DOUBTED);
}

/** @param stored what the key of the epoch holds; null if there is none */
export function readEpoch(stored: string | null): { readonly epoch: string | null; readonly isDoubted: boolean } {
  if (stored?.endsWith(DOUBTED) !== true) return { epoch: stored, isDoubted: false };
  const epoch = stored.slice(0, -DOUBTED.length);
  return { epoch: epoch === '' ? null : epoch, isDoubted: true };
}
