import { describeError, type PipelineConfig, redisPublications, systemClock } from '@tributary/shared';
import { queueDepths } from './queues.js';
import { withRedis } from './redis.js';
import type { Stage } from './stage.js';
import { until } from './until.js';
import type { Worker } from './worker.js';

/** Milliseconds for everything that waits to come to its end; what takes longer hangs. */
const PATIENCE = 240_000;

/** A stop by SIGTERM has 25 s for itself; more is a hang. */
const STOP_PATIENCE = 30_000;

/** Looked at so often in a row, the queues are not just empty by chance between two deliveries. */
const QUIET_CHECKS = 5;

/**
 * Milliseconds for which every service has to be ready without a break. Consumers compare the output with its marks every 5 s, and are not
 * ready while they begin again because it went back.
 */
const CALM = 12_000;

/** Milliseconds after which a queue that RabbitMQ cannot give out is taken for dead. */
const DEAD_AFTER = 20_000;

/** What a consumer says of a queue that has no process in RabbitMQ: the channel that asks for it ends with 541 INTERNAL_ERROR. */
const DEAD = /541 INTERNAL_ERROR/;

/**
 * RabbitMQ 3.10 lets a quorum queue die that elects its leader while the server itself is still starting (rabbit_fifo_dlx_sup is not there
 * yet), and does not start it again. The consumers say that they cannot consume; an operator restarts RabbitMQ then, and so does this.
 */
export async function reviveQueues(
  { consumers, rabbitmq }: Stage,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  for (let looks = 1, dead = 0; ; looks++) {
    const answers = await Promise.allSettled(consumers.map((consumer) => consumer.get('/readyz')));
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [describeError(answer.reason)] : []));
    if (refused.length === 0) return;
    if (refused.some((reason) => DEAD.test(reason))) dead++;
    if (performance.now() - began > DEAD_AFTER) {
      if (dead < looks / 2) return;
      say(`a queue has been dead in RabbitMQ since it started; it is restarted: ${refused.join('; ')}`);
      return await rabbitmq.restart();
    }
    await systemClock.sleep(500, signal);
  }
}

/** Resolves when whatever a service had to notice has been noticed and dealt with. */
export async function untilCalm({ producers, consumers }: Stage, signal: AbortSignal): Promise<void> {
  let since = performance.now();
  await until(
    `every service is ready for ${CALM / 1_000} s`,
    async () => {
      try {
        await Promise.all([...producers, ...consumers].map((worker) => worker.get('/readyz')));
      } catch (error) {
        since = performance.now();
        throw error;
      }
      return performance.now() - since < CALM ? 'they are ready for less than that' : undefined;
    },
    { timeout: PATIENCE, signal, every: 500 },
  );
}

/** Stops the changes, and lets every endpoint be polled twice from here on. What it says last is the truth. */
export async function lastPolls(stage: Stage, signal: AbortSignal): Promise<void> {
  const { api, mirror, producers } = stage;
  const response = await fetch(`${api.url}/admin/pause`, { method: 'POST' });
  if (!response.ok) throw new Error(`the API cannot be paused: ${response.status}`);
  await mirror.caughtUp(signal);
  const poll = async () => {
    if (mirror.isPolled) await twoMorePolls(producers, signal);
  };
  await poll();
  if (!stage.isWorld) return;
  // What RabbitMQ has lost is noticed some time later. Then it is polled again.
  await untilSettled(stage, signal);
  await poll();
  // Where changes are followed, the tables are copied once more instead. It begins at once, and lasts for seconds.
  if (!mirror.isPolled) {
    await untilCalm(stage, signal);
    await mirror.caughtUp(signal);
  }
  await untilSettled(stage, signal);
}

/** Resolves when all that RabbitMQ has confirmed is settled, or was found lost. */
export function untilSettled(stage: Stage, signal: AbortSignal, timeout = PATIENCE): Promise<void> {
  const look = async () => {
    const left = await astray(stage);
    return left.length === 0 ? undefined : left.join('; ');
  };
  return until('all that RabbitMQ confirmed is settled or found lost', look, { timeout, signal, every: 500 });
}

/** What RabbitMQ has confirmed, and is neither settled nor found lost, in words. */
export async function astray({ redis, pipeline }: Pick<Stage, 'redis' | 'pipeline'>): Promise<string[]> {
  const open = await withRedis(redis.url, (client) => redisPublications(client, pipeline.config.name).open());
  return open.flatMap(({ endpoint, counts, settled }) =>
    Object.entries(counts).flatMap(([queue, count]) => {
      const done = settled[queue] ?? 0;
      return done < count ? [`${endpoint}: ${done} of ${count} in ${queue}`] : [];
    }),
  );
}

/** Resolves when each endpoint was polled twice more, by whichever producer has it. */
export async function twoMorePolls(producers: readonly Worker[], signal: AbortSignal): Promise<void> {
  let before: Map<string, number> | undefined;
  await until(
    'each endpoint is polled twice more',
    async () => {
      const now = await goodPolls(producers);
      before ??= now;
      // Of three that end from now on, only the first may have begun before.
      const late = [...now].filter(([labels, count]) => count < (before?.get(labels) ?? 0) + 3);
      if (now.size > 0 && late.length === 0) return undefined;
      return `good polls since: ${[...now].map(([labels, count]) => `${labels} ${count - (before?.get(labels) ?? 0)}`).join(', ')}`;
    },
    { timeout: PATIENCE, signal },
  );
}

/** By endpoint, over all producers: an endpoint that went from one to another stays among the counts of both. */
async function goodPolls(producers: readonly Worker[]): Promise<Map<string, number>> {
  const counted = await Promise.all(
    producers.map((one) =>
      Promise.all([one.metric('tributary_poll_runs_total'), one.metric('tributary_poll_failures_total')]),
    ),
  );
  const endpoint = (labels: string) => /endpoint="([^"]*)"/.exec(labels)?.[1] ?? '';
  const good = new Map<string, number>();
  const add = (labels: string, count: number) => good.set(endpoint(labels), (good.get(endpoint(labels)) ?? 0) + count);
  for (const [runs, failures] of counted) {
    for (const [labels, count] of runs) add(labels, count);
    for (const [labels, count] of failures) add(labels, -count);
  }
  return good;
}

/** Resolves when no queue holds a message and no consumer has one that is not settled. */
export async function untilDrained(
  rabbitmqUrl: string,
  config: PipelineConfig,
  consumers: readonly Worker[],
  signal: AbortSignal,
  patience = PATIENCE,
): Promise<void> {
  let quiet = 0;
  await until(
    'the pipeline settles',
    async () => {
      const { waiting } = await queueDepths(rabbitmqUrl, config);
      const held = await Promise.all(consumers.map(unsettled));
      const lacking = [
        ...(waiting > 0 ? [`${waiting} messages wait in the queues`] : []),
        ...held.flatMap((what) => what ?? []),
      ];
      quiet = lacking.length === 0 ? quiet + 1 : 0;
      if (lacking.length > 0) return lacking.join('; ');
      return quiet < QUIET_CHECKS ? 'it was quiet only for a moment' : undefined;
    },
    { timeout: patience, signal, every: 200 },
  );
  if (config.aggregates.length > 0 && consumers.length > 0) await untilCalculated(config, consumers, signal, patience);
}

/** The first value is of a look before, and the second may be of one that went on. */
const LOOKS = 3;

/** A consumer rests for so many times as long as a look took, and then takes as long again. */
const REST = 12;

/**
 * Resolves when every aggregate was looked at twice from here on: the second of these looks began after this call.
 * @param patience milliseconds for each of them, beside what the consumer rests: ten times as long as the look before took (keep.ts)
 */
async function untilCalculated(
  { aggregates }: PipelineConfig,
  consumers: readonly Worker[],
  signal: AbortSignal,
  patience: number,
): Promise<void> {
  const seen = new Map<string, Set<number>>();
  const lacking = async (looks: number) => {
    for (const consumer of consumers) {
      for (const [labels, asOf] of await consumer.metric('tributary_aggregate_as_of_seconds'))
        for (const { dataset } of aggregates)
          if (labels.includes(`dataset="${dataset}"`)) seen.set(dataset, (seen.get(dataset) ?? new Set()).add(asOf));
    }
    const late = aggregates.filter(({ dataset }) => (seen.get(dataset)?.size ?? 0) < looks);
    return late.length === 0 ? undefined : `${late.map(({ dataset }) => dataset).join(', ')} not calculated`;
  };
  for (let looks = 1; looks <= LOOKS; looks++) {
    const what = 'every aggregate is calculated from what has landed';
    const timeout = patience + REST * 1_000 * (await longestCalculation(consumers));
    await until(what, () => lacking(looks), { timeout, signal, every: 200 });
  }
}

/** @returns seconds */
async function longestCalculation(consumers: readonly Worker[]): Promise<number> {
  const told = consumers.map((consumer) =>
    consumer.metric('tributary_aggregate_calculation_seconds').catch(() => new Map<string, number>()),
  );
  return Math.max(0, ...(await Promise.all(told)).flatMap((of) => [...of.values()]));
}

async function unsettled(consumer: Worker): Promise<string | undefined> {
  await consumer.get('/readyz');
  const held = [...(await consumer.metric('tributary_unsettled_deliveries')).values()];
  if (held.length === 0) return `${consumer.name} does not tell what it holds`;
  const sum = held.reduce((total, value) => total + value, 0);
  return sum === 0 ? undefined : `${consumer.name} holds ${sum} deliveries`;
}

/** Stops processes by SIGTERM. @returns what was wrong with how they ended */
export async function stopInOrder(workers: readonly Worker[]): Promise<string[]> {
  const ends = await Promise.all(workers.map(stopOne));
  return ends.filter((problem) => problem !== undefined);
}

async function stopOne(worker: Worker): Promise<string | undefined> {
  if (!worker.runs) return `${worker.name} does not run`;
  const code = await endOf(worker, STOP_PATIENCE);
  if (code === 0) return undefined;
  return code === 'late'
    ? `${worker.name} did not end in ${STOP_PATIENCE / 1_000} s of SIGTERM`
    : `${worker.name} ended with exit code ${code} after SIGTERM`;
}

/** Of a process that may be paused for as long as a fault pauses it. */
const PAUSED_PATIENCE = STOP_PATIENCE + 20_000;

/** Stops a process by SIGTERM, and kills it if that takes too long. @returns its exit code; null if a signal has ended it */
export async function endOf(worker: Worker, patience = PAUSED_PATIENCE): Promise<number | null | 'late'> {
  const timeout = new AbortController();
  const late = new Promise<'late'>((resolve) => {
    const timer = setTimeout(() => resolve('late'), patience);
    timeout.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  const code = await Promise.race([worker.terminate(), late]);
  timeout.abort();
  if (code === 'late') await worker.kill();
  return code;
}
