import { type Clock, RetryableError, redactUrl } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import { backoff } from '../backoff.js';
import type {
  ChangeBatch,
  Description,
  FollowedSource,
  FollowRequest,
  Page,
  PageRequest,
  SourceEvents,
} from '../port.js';
import { Concealed } from '../sql/concealed.js';
import type { StreamStatus } from '../streams.js';
import { Connections } from './connections.js';
import { copyTables } from './copying.js';
import { Faults, SLOT_SPOILT } from './faults.js';
import { followedBy } from './followed.js';
import { Following } from './following.js';
import { confirmableOf, withCheckpoints } from './kept.js';
import { describeFollowed, rowsNow } from './looking.js';
import { type Lsn, parseLsn } from './lsn.js';
import { findTables, type Opened, openSlot } from './opening.js';
import { type ChangesPlace, type PlacedBatch, readPlace, withoutCopies, writePlace } from './place.js';
import { leftOut } from './publication.js';
import { Types } from './rows.js';
import type { Session } from './session.js';
import { type Followed, SlotWatch } from './slot-watch.js';
import { slotsOf } from './slots.js';

export interface PostgresChangesOptions extends SourceEvents {
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Told how far it is behind while it is followed; undefined once it is not. */
  onStatus(status: StreamStatus | undefined): void;
}

/** How long a run lasts that the schedule began, in milliseconds. The stream stays open between two runs. */
const RUN = 15_000;
/** How long the stream stays open without a run, in milliseconds. */
const IDLE = 5_000;
/** How often the place is saved while nothing of ours changes, in milliseconds. */
const SAVE_EVERY = 1_000;

/**
 * The changes of tables of one Postgres, over one slot: a copy of each table as it was at a known place of the log, and then the log from there on. The
 * slot is confirmed only up to what RabbitMQ has confirmed and whose place is saved, so that a slot that is ahead of the place shows that
 * something was missed.
 */
export class PostgresChangesSource implements FollowedSource {
  readonly countsPages = false;
  readonly #endpoint: EndpointFrom<'postgres-changes'>;
  readonly #options: PostgresChangesOptions;
  readonly #connections: Connections;
  readonly #faults: Faults;
  readonly #where: string;
  readonly #prefix: string;
  readonly #publication: string;
  readonly #types = new Types();
  readonly #told = new Set<string>();
  readonly #watch: SlotWatch;
  #following: Following | undefined;
  /** The slot whose tables are being copied. */
  #copying: string | undefined;
  #waitingSince: number | undefined;
  /** Up to where RabbitMQ has confirmed the stream; undefined before it is known. */
  #lsn: Lsn | undefined;
  /** The slot cannot be streamed from any more, for this reason. */
  #spoilt: string | undefined;
  #idle = new AbortController();

  constructor(endpoint: EndpointFrom<'postgres-changes'>, options: PostgresChangesOptions) {
    const { config, pipeline } = endpoint;
    this.#endpoint = endpoint;
    this.#options = options;
    const concealed = new Concealed(config);
    this.#connections = new Connections(config);
    this.#prefix = config.slot ?? slotPrefix(pipeline);
    this.#publication = config.publication ?? this.#prefix;
    const tables = followedBy(endpoint).map(({ table }) => table);
    this.#where = `${endpoint.id}: changes of ${tables.join(', ')} of ${concealed.conceal(redactUrl(config.url))}`;
    const { timeout } = config;
    this.#faults = new Faults({ where: this.#where, publication: this.#publication, timeout, concealed });
    const { clock, onStatus } = options;
    this.#watch = new SlotWatch({ clock, where: this.#where, maxRetained: config.maxRetained, onStatus });
  }

  async *pages({ signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const session = await this.#connections.connect(signal);
    try {
      for await (const page of rowsNow(this.#endpoint, session, this.#types, this.#options.clock)) {
        yield page;
        signal.throwIfAborted();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw this.#faults.named(error);
    } finally {
      await this.#close();
    }
  }

  async describe(signal: AbortSignal): Promise<Description> {
    const session = await this.#connections.connect(signal);
    try {
      return await describeFollowed(this.#endpoint, session, {
        publication: this.#publication,
        prefix: this.#prefix,
        onDoubt: (doubt) => this.#options.onDoubt(`${this.#where}: ${doubt}`),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw this.#faults.named(error);
    } finally {
      await this.#close();
    }
  }

  async *follow(request: FollowRequest): AsyncGenerator<ChangeBatch, void, undefined> {
    const { clock, random, onRetry, onSettled } = this.#options;
    const { retries, retryDelay } = this.#endpoint.config;
    const { signal } = request;
    this.#idle.abort();
    let place = request.isFull ? withoutCopies(readPlace(request.place)) : readPlace(request.place);
    const begun = clock.monotonic();
    let failed = 0;
    const stop = () => this.#destroy();
    signal.addEventListener('abort', stop, { once: true });
    const over = new AbortController();
    void this.#watch.lookOn(() => this.#now(), over.signal);
    try {
      for (;;) {
        try {
          for await (const batch of this.#follow(place, request, begun)) {
            if (failed > 0) onSettled?.();
            failed = 0;
            yield { ...batch, place: writePlace(batch.place) };
            place = batch.place;
          }
          return this.#closeWhenIdle();
        } catch (error) {
          signal.throwIfAborted();
          const fault = this.#faults.named(error);
          if (fault.code === SLOT_SPOILT) this.#spoilt = fault.message;
          await this.#close();
          if (!(fault instanceof RetryableError) || failed >= retries) throw fault;
          failed += 1;
          const wait = backoff(retryDelay, failed, random());
          onRetry(fault.code, fault.message, { failed, at: clock.now() + wait });
          await clock.sleep(wait, signal);
          signal.throwIfAborted();
        }
      }
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      if (failed > 0) onSettled?.();
      if (signal.aborted || this.#idle.signal.aborted) await this.#close();
    }
  }

  async *#follow(
    saved: ChangesPlace | undefined,
    request: FollowRequest,
    begun: number,
  ): AsyncGenerator<PlacedBatch, void, undefined> {
    const { clock } = this.#options;
    const { signal, isLasting } = request;
    const session = await this.#connections.connect(signal);
    let place = saved;
    const unpublished = place && (await this.#unpublished(session, place));
    if (unpublished !== undefined) {
      // It is saved before the publication is mended: a run that dies in between must not take the copies for complete.
      place = unpublished;
      yield { changes: [], fetchedAt: clock.now(), place };
    }
    let following = this.#following;
    if (place === undefined || following === undefined || !(await following.isAt(place, session))) {
      await this.#closeStream();
      const opened = await this.#open(session, place, request);
      place = yield* this.#copy(opened, request);
      following = await this.#stream(session, opened, place);
    }
    this.#lsn = place.lsn;
    const row = await session.row('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const target = parseLsn(row?.lsn ?? '0/0');
    let savedAt = clock.monotonic();
    for (;;) {
      const changes = await following.next(SAVE_EVERY, signal);
      const { reached } = following;
      const now = clock.monotonic();
      const isOver = isLasting ? now - begun >= RUN : reached >= target;
      if (changes.length > 0 || (reached > place.lsn && (isOver || now - savedAt >= SAVE_EVERY))) {
        place = this.#reached({ ...place, lsn: reached });
        savedAt = now;
        this.#waitingSince = following.committedAt;
        yield { changes, fetchedAt: clock.now(), place };
        this.#waitingSince = undefined;
        following.confirm(confirmableOf(place));
      }
      if (isOver) return;
    }
  }

  /** The place that is about to be saved. */
  #reached(place: ChangesPlace): ChangesPlace {
    const keep = Math.max(...followedBy(this.#endpoint).map((one) => one.keep));
    const { isTight } = this.#watch;
    const now = this.#options.clock.now();
    const kept = withCheckpoints(place, { keep, now, isTight });
    if (isTight && place.kept.length > 1) {
      this.#tell(
        'the database keeps so much of its log for the slot that its checkpoints are given up, before that is more than maxRetained, or the log is thrown away',
      );
    }
    this.#lsn = kept.lsn;
    return kept;
  }

  async #open(
    session: Session,
    place: ChangesPlace | undefined,
    { knows }: Pick<FollowRequest, 'knows'>,
  ): Promise<Opened> {
    const { clock } = this.#options;
    if (this.#spoilt !== undefined && place !== undefined) {
      this.#options.onNews?.(this.#spoilt);
      for (const slot of await slotsOf(session, this.#prefix)) {
        await session.query('SELECT pg_drop_replication_slot($1)', [slot.name]);
      }
      this.#spoilt = undefined;
    }
    return await openSlot(
      {
        endpoint: this.#endpoint,
        prefix: this.#prefix,
        publication: this.#publication,
        session,
        openSession: (isReplication) => this.#connections.open(isReplication),
        now: clock.now(),
        knows,
        onNews: (news) => this.#tell(news),
        onDoubt: (doubt) => this.#tellOnce(doubt),
      },
      place,
    );
  }

  async *#copy(opened: Opened, { knows, signal }: FollowRequest): AsyncGenerator<PlacedBatch, ChangesPlace, undefined> {
    const { clock } = this.#options;
    const { chunk } = this.#endpoint.config;
    const onNews = (news: string) => this.#tell(news);
    this.#copying = opened.copying && opened.place.slot;
    try {
      return yield* copyTables(opened, { types: this.#types, chunk, clock, knows, signal, onNews });
    } finally {
      this.#copying = undefined;
    }
  }

  async #stream(session: Session, { tables }: Opened, place: ChangesPlace): Promise<Following> {
    const options = {
      session,
      connection: this.#endpoint.config,
      publication: this.#publication,
      tables,
      types: this.#types,
      clock: this.#options.clock,
      onNews: (news: string) => this.#tell(news),
    };
    this.#following = await Following.open(options, place);
    return this.#following;
  }

  /** The place without the copies of tables that the publication leaves out by now; undefined if it leaves none out. */
  async #unpublished(session: Session, place: ChangesPlace): Promise<ChangesPlace | undefined> {
    const known = (await findTables(this.#endpoint, session)).filter(({ endpoint: { id } }) => id in place.tables);
    const facts = known.map((one) => one.facts);
    const out = new Set(facts.length === 0 ? [] : await leftOut(session, this.#publication, facts));
    if (out.size === 0) return undefined;
    const gone = known.filter((one) => out.has(one.facts));
    const shown = gone.map(({ table }) => table).join(', ');
    this.#tell(
      `the publication "${this.#publication}" does not tell all changes of ${shown} any more: what changed meanwhile is not in the stream, and that is copied again`,
    );
    const ids = new Set(gone.map(({ endpoint: { id } }) => id));
    return { ...place, tables: Object.fromEntries(Object.entries(place.tables).filter(([id]) => !ids.has(id))) };
  }

  #tell(news: string): void {
    this.#options.onNews?.(`${this.#where}: ${news}`);
  }

  #tellOnce(doubt: string): void {
    if (this.#told.has(doubt)) return;
    this.#told.add(doubt);
    this.#options.onDoubt(`${this.#where}: ${doubt}`);
  }

  #closeWhenIdle(): void {
    const idle = new AbortController();
    this.#idle = idle;
    void this.#options.clock.sleep(IDLE, idle.signal).then(() => (idle.signal.aborted ? undefined : this.#close()));
  }

  #destroy(): void {
    this.#connections.destroy();
    void this.#following?.close();
  }

  #now(): Followed | undefined {
    const slot = this.#copying ?? this.#following?.slot;
    const { session } = this.#connections;
    if (session === undefined || slot === undefined) return undefined;
    const phase = this.#copying === undefined ? 'streaming' : 'copying';
    return { session, slot, phase, waitingSince: this.#waitingSince, reached: this.#lsn };
  }

  async #closeStream(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    await following?.close();
  }

  async #close(): Promise<void> {
    this.#options.onStatus(undefined);
    await Promise.all([this.#connections.close(), this.#closeStream()]);
  }
}

const slotPrefix = (pipeline: string): string =>
  pipeline
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 40);
