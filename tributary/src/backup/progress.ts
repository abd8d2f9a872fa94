import { restorableCursor } from '@tributary/producer';
import {
  type BackupFolder,
  cursorResetsKey,
  jsonLine,
  type OpenPublication,
  type PipelineConfig,
  type Redis,
  RetryableError,
  redisPrefix,
  redisPublications,
  settledKey,
  sinkGenerationKey,
} from '@tributary/shared';
import { FILES } from './manifest.js';
import { type CopiedKey, copyKey, linesOfKeys } from './redis-copy.js';
import { keysToKeep } from './redis-keep.js';

/** How far the endpoints came, as of before the output is copied. */
export interface Progress {
  readonly keys: readonly CopiedKey[];
  /** What makes a cursor void, by its key. */
  readonly generation: string | null;
  readonly resets: ReadonlyMap<string, string | null>;
  /** What was confirmed, and not settled: read behind the cursors, since a producer notes it before it saves one. */
  readonly open: readonly OpenPublication[];
}

export async function readProgress(redis: Redis, config: PipelineConfig): Promise<Progress> {
  const ids = Object.keys(config.endpoints);
  const generation = await redis.get(sinkGenerationKey(config.name));
  const resets = await readResets(redis, config.name, ids);
  const keys: CopiedKey[] = [];
  for (const key of await keysToKeep(redis, config, 'before'))
    for await (const copied of copyKey(redis, config.name, key)) keys.push(copied);
  return { keys, generation, resets, open: await redisPublications(redis, config.name).open() };
}

const readResets = async (redis: Redis, pipeline: string, ids: readonly string[]) =>
  new Map(await Promise.all(ids.map(async (id) => [id, await redis.get(cursorResetsKey(pipeline, id))] as const)));

/**
 * Writes what is not settled yet of what was open, and the copies of events.
 * @returns how many records that are
 */
export async function writeOpen(
  redis: Redis,
  config: PipelineConfig,
  { open }: Progress,
  into: BackupFolder,
): Promise<number> {
  const { name } = config;
  // The copies first: those that are settled meanwhile are removed from Redis.
  const copies = (await keysToKeep(redis, config, 'open')).filter((key) =>
    key.startsWith(`${redisPrefix(name)}hook-copies`),
  );
  await into.add(FILES.events, linesOfKeys(redis, name, copies));
  const still = (await redisPublications(redis, name).recount(open)).filter((one) => missingOf(one) > 0);
  const settled = still.flatMap(({ token, counts }) =>
    Object.keys(counts).map((queue) => settledKey(name, token, queue)),
  );
  async function* lines() {
    const entries = still.flatMap(({ settled: _, ...one }) => [one.token, JSON.stringify(one)]);
    if (entries.length > 0) yield jsonLine({ key: 'publications', type: 'hash', values: entries } satisfies CopiedKey);
    yield* linesOfKeys(redis, name, settled);
  }
  await into.add(FILES.open, lines());
  return still.reduce((sum, one) => sum + missingOf(one), 0);
}

const missingOf = ({ counts, settled }: OpenPublication): number =>
  Object.entries(counts).reduce((sum, [queue, all]) => sum + Math.max(0, all - (settled[queue] ?? 0)), 0);

/**
 * Writes how far the endpoints had come. Where a cursor was made void meanwhile, its endpoint is polled in full after a restore.
 * @throws RetryableError if the output was found to have lost something meanwhile: then the copy of it may lack what the cursors tell of
 */
export async function writeProgress(
  redis: Redis,
  config: PipelineConfig,
  { keys, generation, resets }: Progress,
  into: BackupFolder,
): Promise<string[]> {
  const { name, endpoints } = config;
  if ((await redis.get(sinkGenerationKey(name))) !== generation) {
    const message =
      'the output was found to be another one, or an older one, while it was copied: make the backup once more';
    throw new RetryableError('output_changed', message);
  }
  const now = await readResets(redis, name, [...resets.keys()]);
  const reset = [...resets].filter(([id, before]) => now.get(id) !== before).map(([id]) => id);
  const kept = keys.flatMap((copied): CopiedKey[] => {
    if (!copied.key.startsWith('cursor:')) return [copied];
    const id = copied.key.slice('cursor:'.length);
    const cursor = reset.includes(id) ? undefined : restorableCursor(String(copied.values[0]), endpoints[id]);
    return cursor === undefined ? [] : [{ ...copied, values: [cursor] }];
  });
  await into.add(FILES.before, kept.map(jsonLine));
  return reset.map((id) => `${id} was reset meanwhile: it is polled in full after a restore`);
}
