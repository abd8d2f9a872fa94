import { applyTopology, describeBrokerError, type Entity, type ReleaseList, type Topology } from '@tributary/shared';
import { Alone } from '../intake/alone.js';
import { Intake } from '../intake/intake.js';
import type { Settled } from '../intake/settle.js';
import type { Strikes } from '../intake/suspects.js';
import type { Entry } from '../merge/merge.js';
import type { BatchTraces } from '../metrics/traces.js';
import { Batcher, type BatchOptions } from '../write/batch.js';
import { type Broker, openChannel } from './broker.js';
import type { Ending } from './ending.js';
import { type SlowStepOptions, tellIfSlow } from './slow.js';

/** The way of the records of one entity: from its queue to its batches. */
export interface Lane {
  readonly entity: Entity;
  readonly intake: Intake;
  readonly batch: Batcher<Entry>;
}

export interface LaneOptions extends SlowStepOptions {
  readonly entities: readonly Entity[];
  readonly broker: Broker;
  readonly topology: Topology;
  /** Names the consumers in RabbitMQ's management UI. */
  readonly instance: string;
  readonly prefetch: number;
  readonly batch: Pick<BatchOptions<Entry>, 'size' | 'interval' | 'bytesOf' | 'flush'>;
  /** Tells of each batch; nothing is traced unless given. */
  readonly traces?: BatchTraces | undefined;
  /** As of Settler, for the messages of a queue. */
  readonly onSettled: (queue: string, arrivals: readonly Settled[]) => Promise<void> | undefined;
  readonly strikes: Strikes;
  /** Called with why messages of a queue wait for a consumer of a later version, and with undefined when none does. */
  readonly onLater: (queue: string, problem: string | undefined) => void;
}

const DECLARING =
  'RabbitMQ does not answer that the queues are declared; see "rabbitmq-diagnostics status", and whether all nodes are up';

/**
 * Opens a channel for each queue, so that each queue has a prefetch and an order of deliveries of its own. The first one
 * declares the topology: RabbitMQ never blocks this connection, as it does the one for dead letters, because nothing is
 * published on it.
 */
export async function openLanes(options: LaneOptions, ending: Ending, release: ReleaseList): Promise<Lane[]> {
  const { entities, broker, instance, prefetch, clock } = options;
  const alone = new Alone(clock);
  const lanes: Lane[] = [];
  for (const entity of entities) {
    const { queue } = entity.config;
    const channel = await openChannel(broker, ending, release);
    if (lanes.length === 0) await tellIfSlow(applyTopology(channel, options.topology), DECLARING, options);
    const onSettled = (arrivals: readonly Settled[]) => options.onSettled(queue, arrivals);
    const flush = tracedFlush(entity, options);
    const batch = new Batcher({ ...options.batch, flush, clock, onError: (error) => ending.byError(error) });
    const suspects = { ...options, alone, queue };
    const hurry = () => void batch.flushNow();
    const batchSize = options.batch.size;
    const onLater = (problem: string | undefined) => options.onLater(queue, problem);
    const intake = new Intake({ channel, clock, prefetch, batchSize, onSettled, onLater, suspects, hurry });
    const consumerTag = `consumer ${instance} ${entity.name}`;
    const onCancel = (reason?: unknown) => ending.by('consumer cancelled', whyCancelled(queue, reason));
    const started = intake.start(queue, consumerTag, onCancel).catch((cause: unknown) => {
      throw new Error(`RabbitMQ does not give out queue "${queue}"`, { cause });
    });
    await tellIfSlow(started, withoutAnswer(queue), options);
    lanes.push({ entity, intake, batch });
  }
  return lanes;
}

function tracedFlush(
  entity: Entity,
  { batch: { flush }, traces }: Pick<LaneOptions, 'batch' | 'traces'>,
): BatchOptions<Entry>['flush'] {
  return traces === undefined
    ? flush
    : (entries, waited) => traces.batch(entity, entries, () => flush(entries, waited));
}

/** A quorum queue without a leader does not answer, and gives no error: RabbitMQ may be electing one. */
const withoutAnswer = (queue: string): string =>
  `RabbitMQ does not answer for queue "${queue}": it may have no leader; see "rabbitmq-queues quorum_status", and whether all nodes are up`;

/** RabbitMQ itself gives no reason when it cancels a consumer. */
const whyCancelled = (queue: string, reason: unknown): string =>
  reason === undefined
    ? `RabbitMQ gives out nothing of queue "${queue}" any more: it was deleted (it is declared again), or its node or its leader went away`
    : `RabbitMQ does not give out queue "${queue}": ${describeBrokerError(reason)}`;
