import type { SinkKind } from '@tributary/shared';
import type { FiringAlert } from '../alerts/subject.js';
import type { DatasetSummary } from '../data/readers/port.js';
import type { EndpointDescription } from '../endpoints/describe.js';
import type { Rates } from './rates.js';

/** One endpoint that is polled. */
export interface EndpointFlow extends EndpointDescription {
  readonly paused: boolean;
  readonly running: boolean;
  /** ISO 8601 in UTC; null if it is not known. */
  readonly lastPollAt: string | null;
  readonly nextPollAt: string | null;
  readonly polls: number;
  readonly failures: number;
  /** Records a second. */
  readonly rate: number;
  /** Whether it is asked; otherwise it sends events, and `lastPollAt` is when the last one came. */
  readonly isPolled: boolean;
  /** How far a source has come that is not asked page by page, in words; empty for others. */
  readonly source: readonly string[];
  /** What the poll in progress tries again; null if nothing. */
  readonly retrying: {
    /** When the first attempt failed. */
    readonly since: string;
    /** How many have failed since then, and why the last of them. */
    readonly attempts: number;
    readonly reason: string;
    readonly nextAttemptAt: string;
  } | null;
  readonly problem: string | null;
}

export interface QueueFlow {
  readonly queue: string;
  readonly entity: string;
  /** Messages that wait; null while RabbitMQ is away or the queue is not declared. */
  readonly ready: number | null;
  /** Records that wait, about: a message may be a pack, and how many are in it is known of the producers' own only. */
  readonly records: number | null;
  readonly consumers: number | null;
  readonly dead: number | null;
  /** Records a second that consumers accept, drop or dead-letter. */
  readonly rate: number;
}

/** One running instance of a service. */
export interface InstanceFlow {
  readonly address: string;
  /** What it calls itself; null or nothing if it does not say. */
  readonly name?: string | null;
  readonly answers: boolean;
  readonly problems: readonly string[];
}

/** What flows, with numbers for each part of the pipeline, as of one moment. */
export interface Flow {
  readonly at: string;
  readonly rates: Rates;
  readonly endpoints: readonly EndpointFlow[];
  readonly producers: readonly InstanceFlow[];
  readonly broker: { readonly known: boolean; readonly connected: boolean };
  readonly queues: readonly QueueFlow[];
  readonly consumers: readonly (InstanceFlow & { readonly unsettled: number })[];
  /** Deliveries that consumers hold and have not acknowledged. */
  readonly unacked: number;
  /** Seconds that the oldest record has waited for its batch; null if none waits. */
  readonly oldestUnflushed: number | null;
  /** Seconds since the newest durable record was written; null while there is none. */
  readonly freshness: number | null;
  /** Its kind, what it writes in words (`CSV files`), and the same with the place. */
  readonly sink: { readonly type: SinkKind; readonly medium: string; readonly where: string };
  readonly datasets: readonly DatasetSummary[];
  /** The aggregates that a consumer keeps up to date, and the time (ISO 8601) whose rows their groups are made of. */
  readonly aggregates: readonly { readonly dataset: string; readonly asOf: string }[];
  /** What the pipeline file's rules say is wrong, told or silenced. */
  readonly alerts: readonly FiringAlert[];
  /** What is wrong, in words; the gravest first. */
  readonly problems: readonly string[];
}
