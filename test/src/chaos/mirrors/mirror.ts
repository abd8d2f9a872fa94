import type { ReleaseList } from '@tributary/shared';
import type { PrivateService, Say } from '../../../services/handle.js';

/** What the mock CRM has: the paths of its listings, which are also the ids of the endpoints in a chaos run. */
export const COLLECTIONS = ['customers', 'products'] as const;

export type CollectionName = (typeof COLLECTIONS)[number];

export interface MirrorOptions {
  /** Where the CRM is read. The way there notes every state that goes by, for the audit: read it in no other way. */
  readonly api: string;
  /** Chooses what the settings leave open, such as the kind of database. */
  readonly seed: number;
  /** Of the run; removed after it. */
  readonly folder: string;
  /** `--database`; undefined for the one that follows from the seed. */
  readonly database?: string | undefined;
  /** The address by which producers reach a server: with `--world` there is a network in between. @param name for people: `producers to the source` */
  reach(name: string, url: string): Promise<string>;
  /** The addresses of the producers, for a mirror that sends to them. Known only after `begin`. */
  producers(): readonly string[];
  readonly say: Say;
  /** Aborted to break off. */
  readonly signal: AbortSignal;
}

/**
 * Another place that holds what the mock CRM has. The CRM stays the truth: a mirror follows its changes and writes them into a table,
 * a folder, or requests, and the producers read them there.
 */
export interface Mirror {
  /**
   * The settings of the endpoints that concern where they read: `source` and what belongs to it. Schedule, entity, deletes and the rest are
   * the same for all kinds, and stand in pipeline.ts.
   */
  readonly endpoints: Readonly<Record<CollectionName, object>>;
  /** The server that holds it, which is killed and stopped; undefined if there is none. */
  readonly server: PrivateService | undefined;
  /**
   * Whether the producers poll it. Then a run waits for the polls that follow `caughtUp`. Where records come by themselves, `caughtUp` has
   * to wait until the producers have taken everything.
   */
  readonly isPolled: boolean;
  /** Begins to follow: the CRM is up. */
  begin(): void;
  /**
   * Resolves when the place holds all that the CRM has now, which changes no more.
   * @throws Error saying what keeps it from that
   */
  caughtUp(signal: AbortSignal): Promise<void>;
}

/**
 * A kind of place. To add one (`files`, say):
 *
 * 1. Write `mirrors/files.ts`, or a folder of this name, with a {@link MirrorKind}. Its `start` makes the place ready to be read and empty (a
 *    table, a folder), and makes a `Follower` (follow.ts) with a `write` that brings a batch of changes into it. A `write` that failed is
 *    called again with the same batch, and one batch comes after the other: it may write twice what is the same, but must not end before it is
 *    durable there. Records have the fields of the CRM, so name columns after them: the audit takes the same fields from the truth.
 * 2. Put it into `MIRRORS` in table.ts; until then the compiler reports that it lacks there.
 * 3. Everything else follows: `--source files`, kills and stops of `server` (the fault `source`), removals of products, the audit. Add what
 *    `release` has to undo.
 * 4. Run `npm run chaos -- --source files --seed 1`, then another seed, and name both in docs/sources/files.md.
 *
 * What a kind of its own has to suffer (a cut replication connection, half of a file) is a fault of plan.ts that ONLY_OF_SOURCE allows.
 */
export interface MirrorKind {
  start(options: MirrorOptions, release: ReleaseList): Promise<Mirror>;
}
