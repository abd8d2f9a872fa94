import { type Clock, FatalError } from '@tributary/shared';
import type { Cursor, CursorStore } from '../cursor/cursor.js';
import type { Endpoint } from '../endpoint.js';
import type { Leases } from '../leases/leases.js';
import type { LeaseTable } from '../leases/table.js';
import type { NotDeleted } from '../poll/missing-news.js';
import type { Retrying } from '../poll/retrying.js';
import type { CircuitState } from '../schedule/circuit.js';
import type { Duty } from '../schedule/duty.js';
import type { EndpointState, StateStore } from '../schedule/states.js';
import { type Checkpoint, checkpointAt, checkpointsOf, goneBack } from '../sources/checkpoints.js';
import type { Reading, Readings } from '../sources/files/readings.js';
import type { StreamStatus, Streams } from '../sources/streams.js';

/** What a person can do to an endpoint, at any producer. */
export const ENDPOINT_COMMANDS = ['run', 'pause', 'resume', 'restart', 'reset'] as const;
export type EndpointCommand = (typeof ENDPOINT_COMMANDS)[number];

/** The state of an endpoint. Times are ISO 8601 in UTC. */
export interface EndpointReport {
  readonly endpoint: string;
  readonly entity: string;
  readonly priority: string;
  /** `refused` and `failing` need a person; `open` is not polled for a while. */
  readonly state: 'polling' | 'waiting' | 'paused' | 'failing' | Exclude<CircuitState, 'closed'>;
  /** The producer that polls it; null if none does. */
  readonly producer: string | null;
  readonly run: number | null;
  readonly lastRun: { startedAt: string; endedAt: string; records: number; published: number; error?: string } | null;
  /** What the last poll over everything missed and did not delete, and why; absent if nothing. */
  readonly notDeleted?: NotDeleted;
  readonly lastSuccess: string | null;
  readonly nextRun: string | null;
  /** The API asked not to be asked before this time; absent if it did not, or if that is past. */
  readonly notBefore?: string;
  /**
   * The request of the run in progress that failed and is tried again; absent if none is. Only the producer that polls the endpoint
   * knows it.
   */
  readonly retrying?: {
    /** The endpoint itself, or a child of it. */
    readonly endpoint: string;
    readonly since: string;
    /** Attempts that failed since then. */
    readonly attempts: number;
    readonly code: string;
    readonly reason: string;
    readonly nextAttempt: string;
  };
  /** How far a source that is followed is behind; absent for others. Only the producer that follows it knows it. */
  readonly stream?: StreamStatus;
  /** How far the reading of files has come; absent for others. Only the producer that polls the endpoint knows it. */
  readonly reading?: Reading;
  /** Where `reset --to` can go back to, the oldest first; absent for a source that keeps no such places. */
  readonly checkpoints?: readonly { readonly name: string; readonly at: string }[];
  /** Failed runs in a row. */
  readonly failures: number;
  /** The high-water mark; null if there is none. */
  readonly cursor: string | null;
}

/** From where a reset brings records again. At most one of both. */
export interface ResetFrom {
  /** A version. */
  readonly since?: string | undefined;
  /** The name or the time of a checkpoint. */
  readonly to?: string | undefined;
}

export interface ControlOptions {
  readonly endpoints: readonly Endpoint[];
  readonly duties: ReadonlyMap<string, Duty>;
  readonly leases: Leases;
  readonly table: LeaseTable;
  readonly states: StateStore;
  readonly cursors: CursorStore;
  /** What the consumers take for written. */
  readonly ledger: { doubt(): Promise<void> };
  readonly clock: Pick<Clock, 'now'>;
  /** What is known of sources that are followed; nothing unless given. */
  readonly streams?: Pick<Streams, 'statusOf'> | undefined;
  /** What is known of endpoints that read files; nothing unless given. */
  readonly readings?: Pick<Readings, 'of'> | undefined;
}

/** What a person can ask about the endpoints and of them, at any producer: the one that holds an endpoint does it. */
export class Control {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  async list(): Promise<EndpointReport[]> {
    return await Promise.all(this.#options.endpoints.map((endpoint) => this.#report(endpoint)));
  }

  knows(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** @returns undefined if there is no such endpoint */
  async report(id: string): Promise<EndpointReport | undefined> {
    const endpoint = this.#find(id);
    return endpoint && (await this.#report(endpoint));
  }

  /**
   * Does it, or lets the producer that holds the endpoint do it within a few seconds.
   *
   * @param from for `reset`: everything is brought again unless it says otherwise
   * @returns whether there is such an endpoint
   * @throws FatalError if there is nothing in this endpoint that `from` can mean
   */
  async command(id: string, command: EndpointCommand, from: ResetFrom = {}): Promise<boolean> {
    const endpoint = this.#find(id);
    if (endpoint === undefined) return false;
    const { table, cursors, leases, ledger } = this.#options;
    if (command === 'pause' || command === 'resume') await table.pause(id, command === 'pause');
    if (command === 'reset') {
      const { since, to } = from;
      const mark = since === undefined ? undefined : markOf(endpoint, since);
      const checkpoint = to === undefined ? undefined : checkpointOf(endpoint, await cursors.peek(endpoint), to);
      // First, so that no record of the next poll is judged by a ledger that takes rows for written which are gone.
      await ledger.doubt();
      if (checkpoint === undefined) await cursors.reset(endpoint, mark);
      else await cursors.goBack(endpoint, (place) => goneBack(place, checkpoint));
    }
    // A run in progress would continue with the old cursor, so it is begun anew.
    if (command === 'run' || command === 'restart') await table.ask(id, command);
    if (command === 'reset') await table.ask(id, 'restart');
    leases.beatNow();
    return true;
  }

  #find(id: string): Endpoint | undefined {
    return this.#options.endpoints.find((endpoint) => endpoint.id === id);
  }

  async #report(endpoint: Endpoint): Promise<EndpointReport> {
    const { duties, leases, states, cursors, clock, streams, readings } = this.#options;
    const { id, config } = endpoint;
    const cursor = await cursors.peek(endpoint);
    const checkpoints = checkpointsOf(cursor.place);
    const stream = streams?.statusOf(id);
    const duty = leases.fence(id) === undefined ? undefined : duties.get(id);
    const reading = duty === undefined ? undefined : readings?.of(id);
    const claim = leases.claim(id);
    // Where nothing is polled, any producer notes what came.
    const state = (endpoint.isPolled ? duty?.runner.state : undefined) ?? (await states.load(endpoint));
    const next = duty?.nextAt() ?? state?.nextAt ?? undefined;
    const asked = duty === undefined ? state?.notBefore : duty.runner.notBefore;
    const pausedUntil = asked !== undefined && asked > clock.now() ? asked : undefined;
    const nextAt = next === undefined ? undefined : Math.max(next, state?.retryAt ?? 0, pausedUntil ?? 0);
    return {
      endpoint: id,
      entity: config.entity,
      priority: config.priority,
      state: stateOf(state, claim?.paused ?? false, duty?.runner.isBusy ?? false),
      // Without the part that tells two runs of a producer's process apart.
      producer: claim?.holder?.replace(/ [^ ]*$/, '') ?? null,
      run: state?.run ?? null,
      lastRun: state === undefined ? null : lastRunOf(state),
      ...(state?.notDeleted !== undefined && { notDeleted: state.notDeleted }),
      lastSuccess: textOf(state?.lastSuccessAt),
      nextRun: claim?.paused ? null : textOf(nextAt),
      ...(pausedUntil !== undefined && { notBefore: new Date(pausedUntil).toISOString() }),
      ...retryingOf(duty?.runner.retrying),
      ...(stream !== undefined && { stream }),
      ...(reading !== undefined && { reading }),
      ...(checkpoints.length > 0 && {
        checkpoints: checkpoints.map(({ name, at }) => ({ name, at: new Date(at).toISOString() })),
      }),
      failures: state?.failures ?? 0,
      cursor: cursor.mark ?? null,
    };
  }
}

function stateOf(state: EndpointState | undefined, paused: boolean, running: boolean): EndpointReport['state'] {
  if (paused) return 'paused';
  if (state !== undefined && state.circuit !== 'closed') return state.circuit;
  if (running) return 'polling';
  return state?.error === undefined ? 'waiting' : 'failing';
}

function lastRunOf({ startedAt, endedAt, records, published, error }: EndpointState): EndpointReport['lastRun'] {
  const times = { startedAt: new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString() };
  return { ...times, records, published, ...(error === undefined ? {} : { error }) };
}

function retryingOf(retrying: Retrying | undefined): Pick<EndpointReport, 'retrying'> {
  if (retrying === undefined) return {};
  const { since, nextAt, ...told } = retrying;
  const times = { since: new Date(since).toISOString(), nextAttempt: new Date(nextAt).toISOString() };
  return { retrying: { ...told, ...times } };
}

const textOf = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString());

function checkpointOf({ id }: Endpoint, { place }: Cursor, to: string): Checkpoint {
  const checkpoints = checkpointsOf(place);
  const oldest = checkpoints[0];
  if (oldest === undefined) {
    const remedy = 'a source that follows a database has them of the time since keep was set (such as keep: 1h)';
    throw new FatalError('no_checkpoints', `${id} has no checkpoints: ${remedy}; leave "to" out to bring everything`);
  }
  const found = checkpointAt(checkpoints, to);
  if (found !== undefined) return found;
  const from = `the oldest is of ${new Date(oldest.at).toISOString()} (${oldest.name})`;
  throw new FatalError(
    'checkpoint_unknown',
    `${id}: there is no checkpoint "${to}", or at a time before it; ${from}; leave "to" out to bring everything`,
  );
}

/** The mark as the endpoint's own runs would have saved it. */
function markOf({ id, config, entity }: Endpoint, since: string): string {
  if (config.incremental === undefined) {
    throw new FatalError('since_useless', `${id} is not incremental: it is always polled in full; leave "since" out`);
  }
  const type = entity.config.fields[entity.config.version ?? '']?.type;
  if (type === 'string') return since;
  const valid = type === 'integer' ? /^\d{1,19}$/.test(since) : !Number.isNaN(Date.parse(since));
  if (!valid) {
    const wanted = type === 'integer' ? 'a whole number' : 'a time such as 2026-03-01T12:00:00Z';
    throw new FatalError('since_invalid', `${id}: "${since}" is not a version to continue from; expected ${wanted}`);
  }
  return type === 'integer' ? since : new Date(since).toISOString();
}
