import {
  type Clock,
  hasOwnOrder,
  type Logger,
  type OpenPublication,
  type PipelineConfig,
  type Registry,
  type Telemetry,
  type Topology,
  versionOrder,
} from '@tributary/shared';
import type { Endpoint } from '../../endpoint.js';
import type { PollMetrics } from '../../metrics.js';
import { createIds } from '../../publish/ids.js';
import type { Loss } from '../../publish/losses.js';
import type { OutgoingMessage } from '../../publish/messages.js';
import type { Publisher } from '../../publish/publisher.js';
import type { ProtectionKeys } from '../../shape/protect/keys.js';
import type { Stores } from '../../stores.js';
import { ConfirmedEvents } from './confirmed-events.js';
import { Door } from './door.js';
import { type Hook, hooksOf } from './hooks.js';
import { Intake } from './intake.js';
import { createHookMetrics, registerHookGauges } from './metrics.js';
import { SentRecords } from './sent-records.js';
import { Takings } from './takings.js';

export interface DoorsOptions {
  readonly config: PipelineConfig;
  readonly endpoints: readonly Endpoint[];
  readonly protectionKeys: ProtectionKeys;
  readonly publisher: Pick<Publisher, 'begin'>;
  readonly stores: Pick<Stores, 'publications' | 'copies' | 'known' | 'table' | 'states'>;
  readonly topology: Topology;
  /** The producer's name. */
  readonly instance: string;
  readonly registry: Registry;
  readonly pollMetrics: PollMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly telemetry: Telemetry | undefined;
  /** Why the producer cannot publish now, in words; undefined if it can. */
  problem(): string | undefined;
  /** Whether a person has paused the endpoint. */
  isPaused(id: string): boolean;
  /** Lets the producer that holds an endpoint look at once at what it is asked for. */
  beatNow(): void;
}

/** What the rest of the producer does with the doors for events. */
export interface Doors {
  readonly door: Door;
  readonly records: SentRecords;
  readonly intake: Intake;
  /** To be called with what each look at the publications finds. */
  look(open: readonly OpenPublication[]): Promise<void>;
  /** To be called when events that were confirmed are lost. */
  recover(loss: Loss): Promise<void>;
  /** Takes nothing more, and resolves when what was taken is confirmed. */
  close(): Promise<void>;
}

export function openDoors(options: DoorsOptions): Doors {
  const { endpoints, publisher, stores, topology, registry, pollMetrics, clock, log, telemetry } = options;
  const { publications, copies, known, table } = stores;
  const metrics = createHookMetrics(registry);
  const queues = new Map(topology.queues.map(({ entity, queue }) => [entity, queue]));
  const queueOf = (entity: string) => queues.get(entity) ?? entity;
  const backlog = new Map<string, number>();

  const intake: Intake = new Intake({
    begin: (name) => publisher.begin(name),
    confirmed: async (name, messages, run) => (await events?.confirmed(name, messages, run)) ?? [],
  });
  registerHookGauges(registry, () => intake.records);
  const publish = (name: string, messages: readonly OutgoingMessage[]) => intake.accept(name, messages);
  // Without Redis, the queues end with this process.
  const events =
    publications === undefined || copies === undefined
      ? undefined
      : new ConfirmedEvents({ copies, publications, queueOf, publish, metrics, clock, log });

  const pressure = ({ endpoint, config }: Hook): string | undefined => {
    const problem = options.problem();
    if (problem !== undefined) return problem;
    if (options.isPaused(endpoint.id)) return `${endpoint.id} is paused`;
    const waiting = backlog.get(queueOf(endpoint.entity.name)) ?? 0;
    if (waiting < config.maxBacklog) return undefined;
    return `the queue holds ${waiting} records that no consumer has settled (maxBacklog is ${config.maxBacklog}): see whether consumers run`;
  };
  const ids = createIds(telemetry);
  const hear = async (others: readonly string[], messages: readonly OutgoingMessage[]) => {
    if (others.length === 0) return;
    const keys = messages.flatMap(({ envelope: { key, version } }) =>
      key === undefined ? [] : [{ key, version: versionOrder(version, '').trimEnd() }],
    );
    for (const other of others) await known.hear(other, keys);
  };
  const takings = new Takings({ states: stores.states, instance: options.instance, clock, log });
  const door = new Door({
    took: (endpoint, records) => takings.took(endpoint, records),
    hooks: hooksOf(endpoints, pollMetrics, log),
    intake,
    metrics,
    pollMetrics,
    ids,
    clock,
    log,
    telemetry,
    pressure,
    async hear({ endpoint }, messages) {
      const notes = endpoint.config.deletes?.missing === true ? [endpoint.id] : [];
      await hear([...notes, ...endpoint.sharesEntityWith], messages);
    },
    async poll(id) {
      await table.ask(id, 'run');
      options.beatNow();
    },
  });
  const records = new SentRecords({
    entities: options.config.entities,
    keys: options.protectionKeys,
    followed: new Set(Object.values(options.config.endpoints).flatMap((one) => (hasOwnOrder(one) ? one.entity : []))),
    intake,
    ids,
    clock,
    log,
    telemetry,
    problem: () => options.problem(),
    hear: async (entity, messages) =>
      await hear(
        Object.entries(options.config.endpoints)
          .filter(([, one]) => one.enabled && one.entity === entity && one.deletes?.missing === true)
          .map(([id]) => id),
        messages,
      ),
  });
  return {
    door,
    records,
    intake,
    async look(open) {
      for (const queue of queues.values()) backlog.set(queue, 0);
      for (const { counts, settled } of open) {
        for (const [queue, all] of Object.entries(counts)) {
          backlog.set(queue, (backlog.get(queue) ?? 0) + Math.max(0, all - (settled[queue] ?? 0)));
        }
      }
      await events?.look(open);
    },
    recover: async (loss) => await events?.recover(loss),
    async close() {
      door.close();
      takings.close();
      await intake.drained();
    },
  };
}
