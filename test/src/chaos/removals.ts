import { systemClock } from '@tributary/shared';
import type { Fault, FaultKind } from './plan.js';
import type { Stage } from './stage.js';
import { WatchedRedis } from './world/watched-redis.js';

/** Customers that are archived, or come back, in a second; their mark travels with them. */
const ARCHIVED = 5;
/** Items that are removed, or come back, in a second. */
const REMOVED = 2;

const LOSE_REDIS: readonly FaultKind[] = ['redisFlush', 'redisRestart', 'redisFailover'];

/** A Sentinel takes a master for dead that does not answer, and promotes a replica that may lack something. */
const LOSE_WATCHED_REDIS: readonly FaultKind[] = [...LOSE_REDIS, 'silentRedis', 'silentLink', 'deafLink', 'slowLink'];

/** Polls of the items after which their keys are known again. */
const POLLS = 3;
/** Milliseconds to wait for them. */
const PATIENCE = 120_000;

/** Customers are archived from now on. */
export const archiveCustomers = (stage: Stage): Promise<void> => setRates(stage, { archive: ARCHIVED });

/**
 * Items are removed for good. Where only a walk shows what is gone, that is once Redis is lost no more: which keys were there is kept in Redis
 * alone, so what is removed between the last walk before a loss and the first one after it stays in its dataset (a known gap). So it is where
 * RabbitMQ loses tombstones as well, as in the world.
 *
 * @param started when the plan began, in milliseconds since the epoch
 */
export async function removeItems(
  stage: Stage,
  plan: readonly Fault[],
  started: number,
  signal: AbortSignal,
): Promise<void> {
  if (!stage.mirror.isPolled && !stage.isWorld) return await setRates(stage, { remove: REMOVED });
  const losing = stage.redis instanceof WatchedRedis ? LOSE_WATCHED_REDIS : LOSE_REDIS;
  const losses = plan.filter(({ kind }) => losing.includes(kind));
  const lastLoss = Math.max(0, ...losses.map(({ at, length }) => at + length));
  await systemClock.sleep(started + lastLoss - Date.now(), signal);
  const endpoints = Object.entries(stage.pipeline.config.endpoints).filter(
    ([, { deletes }]) => deletes?.missing === true,
  );
  if (stage.mirror.isPolled) for (const [id] of endpoints) await untilKeysAreKnown(stage, id, signal);
  await setRates(stage, { remove: REMOVED });
}

async function untilKeysAreKnown(stage: Stage, endpoint: string, signal: AbortSignal): Promise<void> {
  let polls = 0;
  let before = await pollsOf(endpoint, stage);
  for (const deadline = Date.now() + PATIENCE; polls < POLLS && Date.now() < deadline && !signal.aborted; ) {
    await systemClock.sleep(500, signal);
    const now = await pollsOf(endpoint, stage);
    // A producer that was started again counts from nothing.
    for (const [name, count] of now) polls += Math.max(0, count - (before.get(name) ?? 0));
    before = now;
  }
  if (polls < POLLS) throw new Error(`no ${POLLS} good polls in ${PATIENCE / 1_000} s`);
}

async function pollsOf(endpoint: string, { producers }: Stage): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const producer of producers) {
    const runs = await producer.metric('tributary_poll_duration_seconds_count').catch(() => new Map<string, number>());
    const failures = await producer.metric('tributary_poll_failures_total').catch(() => new Map<string, number>());
    const sum = (of: ReadonlyMap<string, number>) =>
      [...of]
        .filter(([labels]) => labels.includes(`endpoint="${endpoint}"`))
        .reduce((all, [, count]) => all + count, 0);
    counts.set(producer.name, sum(runs) - sum(failures));
  }
  return counts;
}

async function setRates({ api }: Stage, rates: Readonly<Record<string, number>>): Promise<void> {
  const response = await fetch(`${api.url}/admin/rates`, { method: 'POST', body: JSON.stringify(rates) });
  if (!response.ok) throw new Error(`the API's rates cannot be set: ${response.status}`);
}
