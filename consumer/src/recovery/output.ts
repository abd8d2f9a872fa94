import type { LedgerKeys } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';
import type { Marks, Sink } from '../sinks/port.js';

/** Lua takes a few thousand arguments at most. */
const MARKS_PER_CALL = 500;

/** Only while the epoch is there: a consumer that is slow must not bring back keys of an epoch that has been removed. */
const REMEMBER = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('HSET', KEYS[2], unpack(ARGV, 2)) end";

export interface OutputOptions {
  readonly redis: Pick<LedgerRedis, 'hgetall' | 'eval'>;
  readonly sink: Pick<Sink, 'epoch' | 'inspect'>;
}

/** The name of the sink that an epoch's name begins with. */
export const sinkOfEpoch = (epoch: string): string => epoch.slice(0, epoch.indexOf('.'));

/**
 * Whether the output is still the one that an epoch was begun with, and holds all that it held.
 * @returns what is wrong, in words for a person; undefined if nothing is
 */
export async function checkOutput(
  options: OutputOptions,
  epoch: string,
  keys: LedgerKeys,
): Promise<string | undefined> {
  // Not by its name: it may cost more to find out than a look should.
  if ((await options.sink.epoch()) !== epoch)
    return 'the output is another one than before, an older copy, or was given to another ledger';
  return inspectOutput(options, epoch, keys);
}

/** Compares the output with the marks that are kept beside the ledger of an epoch, and remembers what is new. */
export async function inspectOutput(
  { redis, sink }: OutputOptions,
  epoch: string,
  keys: LedgerKeys,
): Promise<string | undefined> {
  const { lost, marks } = await sink.inspect(await redis.hgetall(keys.marks));
  if (lost === undefined) await remember(redis, marks, epoch, keys);
  return lost;
}

async function remember(redis: OutputOptions['redis'], marks: Marks, epoch: string, keys: LedgerKeys): Promise<void> {
  const entries = Object.entries(marks);
  for (let from = 0; from < entries.length; from += MARKS_PER_CALL) {
    const part = entries.slice(from, from + MARKS_PER_CALL).flat();
    await redis.eval(REMEMBER, 2, keys.epoch, keys.marks, epoch, ...part);
  }
}
