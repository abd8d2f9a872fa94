import type { Clock, Logger, QueueDepths, Registry, ReleaseList } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { Duty } from '../schedule/duty.js';
import { endpointOfDoor } from '../sources/webhook/confirmed-events.js';
import type { Doors } from '../sources/webhook/open.js';
import type { Stores } from '../stores.js';
import { measureBacklog } from './backlog.js';
import { LossWatch, missingOf } from './losses.js';
import { LossRecovery } from './recovery.js';

export interface WatchLossesOptions {
  readonly stores: Pick<Stores, 'publications' | 'cursors' | 'table'>;
  readonly depths: QueueDepths;
  readonly endpoints: readonly Endpoint[];
  readonly duties: () => ReadonlyMap<string, Pick<Duty, 'runner'>>;
  /** Whether this producer polls the endpoint. */
  readonly isMine: (endpoint: string) => boolean;
  /** Whether endpoints are polled by schedules; otherwise nothing is polled again by itself. */
  readonly schedule: boolean;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly amqpUrl: string;
  /** What they were told of cannot be polled again. */
  readonly doors?: Pick<Doors, 'look' | 'recover'> | undefined;
}

/** What is known of the messages that the broker has confirmed. */
export interface Confirmed {
  /** What the broker lost and is not polled again yet, in words. */
  problems(): string[];
  /** How many records are not settled by any consumer; undefined without Redis, where no other process could tell. */
  unsettled(): Promise<number | undefined>;
}

/** Looks from now on whether the broker still has what it confirmed, and lets endpoints be polled again where it has not. */
export function watchLosses(options: WatchLossesOptions, releases: ReleaseList): Confirmed {
  const { stores, depths, endpoints, duties, isMine, schedule, registry, clock, log, amqpUrl } = options;
  const { publications, cursors, table } = stores;
  // Without Redis the queues end with this process.
  if (publications === undefined) return { problems: () => [], unsettled: async () => undefined };
  // Of an endpoint that another producer polls by now, this one learns nothing more.
  const lastSuccess = (id: string) => (isMine(id) ? duties().get(id)?.runner.succeededRun : Number.POSITIVE_INFINITY);
  const recovery = new LossRecovery({
    endpoints,
    cursors,
    askFor: async (endpoint) => {
      if (schedule) await table.ask(endpoint, 'restart');
    },
    registry,
    log,
    amqpUrl,
    lastSuccess,
    monotonic: () => clock.monotonic(),
  });
  const onLoss = async (loss: Parameters<LossRecovery['recover']>[0]) => {
    if (endpointOfDoor(loss.endpoint) === undefined) await recovery.recover(loss);
    else await options.doors?.recover(loss);
  };
  const queues = new Set(endpoints.map(({ entity }) => entity.config.queue));
  const measure = measureBacklog(registry, queues, () => clock.monotonic());
  const onLook = async (open: Parameters<typeof measure>[0]) => {
    measure(open);
    await options.doors?.look(open);
  };
  // What is sent for an entity has no endpoint, and no lease: the producer of the first endpoint looks after it.
  const ids = new Set(endpoints.map(({ id }) => id));
  const [first] = ids;
  const isLookedAfter = (name: string) => {
    const id = endpointOfDoor(name);
    if (id === undefined) return isMine(name);
    const holder = ids.has(id) ? id : first;
    return holder === undefined ? schedule : isMine(holder);
  };
  const watch = new LossWatch({ publications, depths, clock, log, isMine: isLookedAfter, onLoss, onLook });
  releases.add('the watch for losses', () => watch.close());
  void watch.run();
  return {
    problems: () => [...(watch.problem === undefined ? [] : [watch.problem]), ...recovery.problems()],
    unsettled: async () => (await publications.open()).reduce((sum, one) => sum + missingOf(one), 0),
  };
}
