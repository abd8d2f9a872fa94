import type { Clock, Entity, Logger, PipelineConfig, SeenAgain, SettledNotes, Topology } from '@tributary/shared';
import type { Aggregate } from '../aggregate/groups.js';
import type { HolderRedis } from '../aggregate/holder.js';
import type { AggregatesTold } from '../aggregate/keep.js';
import type { Buried } from '../dead-letters/dead-letters.js';
import type { KeptBodies } from '../dead-letters/kept-bodies.js';
import type { Strikes } from '../intake/suspects.js';
import type { LedgerStore } from '../ledger/port.js';
import type { MergeRows } from '../merge/rows.js';
import type { DeadRecords } from '../metrics/dead-records.js';
import type { ConsumerMetrics } from '../metrics/metrics.js';
import type { ConsumerObserver } from '../metrics/observer.js';
import type { BatchTraces } from '../metrics/traces.js';
import type { Sink } from '../sinks/port.js';
import type { Broker } from './broker.js';

export interface SessionOptions {
  readonly config: PipelineConfig;
  readonly entities: readonly Entity[];
  readonly merges: readonly MergeRows[];
  /** Left out by who keeps none up to date. */
  readonly aggregates?: {
    readonly list: readonly Aggregate[];
    readonly redis: HolderRedis;
    readonly tell: AggregatesTold;
  };
  readonly topology: Topology;
  readonly broker: Broker;
  /** Another connection, for dead letters (see DeadLettersOptions). */
  readonly deadLetterBroker: Broker;
  readonly ledgers: LedgerStore;
  readonly buried: Buried;
  readonly kept: KeptBodies;
  readonly seenAgain: Pick<SeenAgain, 'note'>;
  readonly settledNotes: SettledNotes;
  readonly strikes: Strikes;
  readonly sink: Sink;
  /** Names this consumer for people. */
  readonly instance: string;
  /** Names the writer. A name is used once and never again. */
  readonly writer: string;
  readonly prefetch: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ConsumerMetrics;
  /** Takes note of the records that died, over all sessions. */
  readonly dead: DeadRecords;
  /** Is told what became of records. */
  readonly observer?: ConsumerObserver | undefined;
  /** Tells of each batch; nothing is traced unless given. */
  readonly traces?: BatchTraces | undefined;
  readonly onSinkProblem: (problem: string | undefined, dataset: string) => void;
  /** Called with why dead letters of a queue cannot be buried, and with undefined when they can again. */
  readonly onLetterProblem: (queue: string, problem: string | undefined) => void;
  /** Called with why messages of a queue wait for a consumer of a later version, and with undefined when none does. */
  readonly onLater: (queue: string, problem: string | undefined) => void;
  /** Called before the session consumes, with what it waits for if that takes long. */
  readonly onSlow: (words: string) => void;
  /** Called when the session consumes, so that others can look into it. */
  readonly onRunning: (running: RunningSession) => void;
  /** Aborted to stop: begin nothing new, finish what is begun. */
  readonly stop: AbortSignal;
  /** Aborted when the time for that is over. */
  readonly overdue: AbortSignal;
}

/** A session that consumes. */
export interface RunningSession {
  /** Writes every batch now, whether or not it is full. */
  flushNow(): Promise<void>;
  /** The number of deliveries that are not settled yet. */
  unsettled(): number;
  /** Resolves with true when the aggregates are calculated from what there is now, and with false if another consumer keeps them up to date. */
  calculateNow(): Promise<boolean>;
  /** For each entity with records that are not durable, when the oldest of them came in. */
  oldestUnflushed(): [entity: string, since: number][];
}
