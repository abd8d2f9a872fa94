import { type Clock, FatalError, RetryableError, redactUrl } from '@tributary/shared';
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
import { faultOf } from '../sql/postgres/errors.js';
import type { StreamStatus } from '../streams.js';
import { codeOf, describeTable } from './catalog.js';
import { copyTable } from './copy.js';
import { type FoundTable, followedBy } from './followed.js';
import { parseLsn, versionAt, writeLsn } from './lsn.js';
import { findTables, type Opened, openSlot, resumesAfter, slotInUse } from './opening.js';
import { type ChangesPlace, readPlace, type TablePlace, writePlace } from './place.js';
import { leftOut } from './publication.js';
import { ReplicationStream } from './replication-stream.js';
import { Types } from './rows.js';
import { Session } from './session.js';
import { type Followed, SlotWatch } from './slot-watch.js';
import { checkServer, slotsOf } from './slots.js';
import { Transactions } from './transactions.js';

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
/** How often a slot is asked for that another process still has, how long between two attempts, and after how many that process is ended. */
const SLOT_ATTEMPTS = 20;
const SLOT_PAUSE = 500;
const SLOT_TAKEN_AFTER = 3;

/** A stream that is open, and what it has told so far. */
interface Following {
  readonly stream: ReplicationStream;
  readonly transactions: Transactions;
  readonly tables: readonly FoundTable[];
  readonly slot: string;
}

/**
 * The changes of tables of one Postgres, over one slot: a copy of each table as it was at a known place of the log, and then the log from there on. The
 * slot is confirmed only up to what RabbitMQ has confirmed and whose place is saved, so that a slot that is ahead of the place shows that
 * something was missed.
 */
export class PostgresChangesSource implements FollowedSource {
  readonly countsPages = false;
  readonly #endpoint: EndpointFrom<'postgres-changes'>;
  readonly #options: PostgresChangesOptions;
  readonly #concealed: Concealed;
  readonly #where: string;
  readonly #prefix: string;
  readonly #publication: string;
  readonly #types = new Types();
  readonly #told = new Set<string>();
  readonly #watch: SlotWatch;
  #session: Session | undefined;
  #following: Following | undefined;
  /** The slot whose tables are being copied. */
  #copying: string | undefined;
  #waitingSince: number | undefined;
  /** The slot cannot be streamed from any more, for this reason. */
  #spoilt: string | undefined;
  #idle = new AbortController();

  constructor(endpoint: EndpointFrom<'postgres-changes'>, options: PostgresChangesOptions) {
    const { config, pipeline } = endpoint;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#concealed = new Concealed(config);
    this.#prefix = config.slot ?? slotPrefix(pipeline);
    this.#publication = config.publication ?? this.#prefix;
    const tables = followedBy(endpoint).map(({ table }) => table);
    this.#where = `${endpoint.id}: changes of ${tables.join(', ')} of ${this.#concealed.conceal(redactUrl(config.url))}`;
    const { clock, onStatus } = options;
    this.#watch = new SlotWatch({ clock, where: this.#where, maxRetained: config.maxRetained, onStatus });
  }

  /** The first rows of the table as it is now, for a person who sets the endpoint up. */
  async *pages({ signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { clock } = this.#options;
    const session = await this.#connect(signal);
    try {
      const [followed] = followedBy(this.#endpoint);
      if (followed === undefined) return;
      const facts = await describeTable(session, followed.table);
      const columns = facts.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
      const { chunk } = this.#endpoint.config;
      for await (const { records } of copyTable(
        session,
        this.#types,
        { ...followed, facts, columns },
        { chunk, after: undefined },
      )) {
        yield { records, fetchedAt: clock.now(), serverTime: undefined };
        signal.throwIfAborted();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw this.#named(error);
    } finally {
      await this.#close();
    }
  }

  async describe(signal: AbortSignal): Promise<Description> {
    const session = await this.#connect(signal);
    try {
      await this.#doubts(session);
      const { columns, oid } = await describeTable(session, this.#endpoint.config.table);
      const size = await session.row(
        'SELECT reltuples::bigint AS rows, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE oid = $1',
        [oid],
      );
      const rows = Number(size?.rows ?? -1);
      return {
        name: `the table ${this.#endpoint.config.table}`,
        columns: columns.map(({ name, type, isNullable, isGenerated }) => ({
          name,
          type: isGenerated ? `${type}, generated: changes do not tell it` : type,
          nullable: isNullable,
        })),
        key: columns.filter(({ isOfPrimaryKey }) => isOfPrimaryKey).map(({ name }) => name),
        rows: rows < 0 ? undefined : rows,
        bytes: Number(size?.bytes),
      };
    } catch (error) {
      signal.throwIfAborted();
      throw this.#named(error);
    } finally {
      await this.#close();
    }
  }

  /** What would keep the table from being followed is told, and its rows are shown all the same. */
  async #doubts(session: Session): Promise<void> {
    for (const check of [() => checkServer(session), () => findTables(this.#endpoint, session)]) {
      await check().catch((error: unknown) => {
        if (!(error instanceof FatalError || error instanceof RetryableError)) throw error;
        this.#options.onDoubt(`${this.#where}: ${error.message}`);
      });
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
          const fault = this.#named(error);
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
    const session = await this.#connect(signal);
    let place = saved;
    const unpublished = place && (await this.#unpublished(session, place));
    if (unpublished !== undefined) {
      // It is saved before the publication is mended: a run that dies in between must not take the copies for complete.
      place = unpublished;
      yield { changes: [], fetchedAt: clock.now(), place };
    }
    if (place === undefined || !(await this.#isStillOpen(session, place))) {
      await this.#closeStream();
      const opened = await this.#open(session, place);
      place = yield* this.#copy(opened, request);
      this.#following = await this.#stream(session, opened, place);
    }
    const following = this.#following;
    if (following === undefined) throw new Error('no stream is open');
    const { stream, transactions } = following;
    const row = await session.row('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const target = parseLsn(row?.lsn ?? '0/0');
    let savedAt = clock.monotonic();
    for (;;) {
      const received = await stream.take(SAVE_EVERY, signal);
      const messages = [];
      let upTo: bigint | undefined;
      for (const one of received) {
        if (one.kind === 'message') messages.push(one.message);
        else upTo = one.upTo;
      }
      const changes = await transactions.changes(messages);
      if (upTo !== undefined && received.at(-1)?.kind === 'idle') transactions.idle(upTo);
      const { reached } = transactions;
      const now = clock.monotonic();
      const isOver = isLasting ? now - begun >= RUN : reached >= target;
      if (changes.length > 0 || (reached > place.lsn && (isOver || now - savedAt >= SAVE_EVERY))) {
        place = { ...place, lsn: reached };
        savedAt = now;
        this.#waitingSince = transactions.committedAt;
        yield { changes, fetchedAt: clock.now(), place };
        this.#waitingSince = undefined;
        stream.confirm(reached);
      }
      if (isOver) return;
    }
  }

  async #open(session: Session, place: ChangesPlace | undefined): Promise<Opened> {
    const { clock, onNews } = this.#options;
    if (this.#spoilt !== undefined && place !== undefined) {
      onNews?.(`${this.#where}: ${this.#spoilt}`);
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
        openSession: (isReplication) => (isReplication ? this.#openReplication() : this.#openSession()),
        now: clock.now(),
        onNews: (news) => onNews?.(`${this.#where}: ${news}`),
        onDoubt: (doubt) => this.#tellOnce(doubt),
      },
      place,
    );
  }

  /** Copies what has to be copied. @returns the place to stream from */
  async *#copy(
    { place: before, copies, copying, copiedAt }: Opened,
    { knows, signal }: FollowRequest,
  ): AsyncGenerator<PlacedBatch, ChangesPlace, undefined> {
    const { clock, onNews } = this.#options;
    const { chunk } = this.#endpoint.config;
    const version = versionAt(before.slot.slice(this.#prefix.length + 1), copiedAt, 0);
    let place = before;
    if (copying === undefined) return place;
    this.#copying = place.slot;
    try {
      for (const table of copies) {
        const { id: endpoint, fingerprint: settings } = table.endpoint;
        const { oid } = table.facts;
        const after = resumesAfter(table, place.tables[endpoint]);
        const isFirst = after !== undefined || !(await knows(endpoint));
        onNews?.(
          `${this.#where}: the table ${table.table} is copied as of ${writeLsn(copiedAt)}${after === undefined ? '' : `, behind the key ${after.join(', ')}`}`,
        );
        for await (const read of copyTable(copying, this.#types, table, { chunk, after })) {
          signal.throwIfAborted();
          const isCopied = read.after === undefined;
          const reached: TablePlace = {
            oid,
            settings,
            isCopied,
            ...(isFirst && read.after !== undefined ? { after: read.after } : {}),
          };
          place = { ...place, tables: { ...place.tables, [endpoint]: reached } };
          const rows = read.records.map((raw) => ({ kind: 'put' as const, endpoint, raw, version }));
          const compared = isCopied && !isFirst ? [{ kind: 'compare' as const, endpoint, version }] : [];
          yield { changes: [...rows, ...compared], fetchedAt: clock.now(), place };
        }
      }
    } finally {
      this.#copying = undefined;
      await copying.close();
    }
    return place;
  }

  async #stream(session: Session, { tables }: Opened, place: ChangesPlace): Promise<Following> {
    const { slot, lsn } = place;
    const stream = await this.#openStream(session, place);
    const transactions = new Transactions(
      {
        session,
        types: this.#types,
        tables: new Map(tables.map((table) => [table.facts.oid, table])),
        generation: slot.slice(this.#prefix.length + 1),
        onColumns: (table, before, now) => this.#tellColumns(table, before.columns, now.columns),
      },
      lsn,
    );
    return { stream, transactions, tables, slot };
  }

  /** The producer that had the slot before may be gone without a word: its process at the server is ended then. The lease says that the slot is ours. */
  async #openStream(session: Session, { slot, lsn }: ChangesPlace): Promise<ReplicationStream> {
    const { clock } = this.#options;
    const { url, connectTimeout, timeout } = this.#endpoint.config;
    const begin = { slot, publication: this.#publication, confirmed: lsn };
    for (let attempt = 1; attempt <= SLOT_ATTEMPTS; attempt++) {
      try {
        return await ReplicationStream.open({ url, connectTimeout, timeout }, begin, clock);
      } catch (error) {
        if (codeOf(error) !== '55006') throw error;
      }
      await clock.sleep(SLOT_PAUSE);
      if (session.broken !== undefined) throw session.broken;
      if (attempt < SLOT_TAKEN_AFTER) continue;
      await session.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [
        slot,
      ]);
    }
    throw slotInUse(slot);
  }

  /** Whether the stream of the run before can be read on. */
  async #isStillOpen(session: Session, place: ChangesPlace): Promise<boolean> {
    const following = this.#following;
    if (following === undefined || following.stream.failure !== undefined || following.slot !== place.slot)
      return false;
    for (const { endpoint, facts, table } of following.tables) {
      const its = place.tables[endpoint.id];
      if (its === undefined || !its.isCopied || its.settings !== endpoint.fingerprint) return false;
      if ((await describeTable(session, table)).oid !== facts.oid) return false;
    }
    // The place went back: what was streamed since may be lost.
    return following.transactions.reached === place.lsn;
  }

  /** The place without the copies of tables that the publication leaves out by now; undefined if it leaves none out. */
  async #unpublished(session: Session, place: ChangesPlace): Promise<ChangesPlace | undefined> {
    const known = (await findTables(this.#endpoint, session)).filter(({ endpoint: { id } }) => id in place.tables);
    const facts = known.map((one) => one.facts);
    const out = new Set(facts.length === 0 ? [] : await leftOut(session, this.#publication, facts));
    if (out.size === 0) return undefined;
    const gone = known.filter((one) => out.has(one.facts));
    const shown = gone.map(({ table }) => table).join(', ');
    this.#options.onNews?.(
      `${this.#where}: the publication "${this.#publication}" does not tell all changes of ${shown} any more: what changed meanwhile is not in the stream, and that is copied again`,
    );
    const ids = new Set(gone.map(({ endpoint: { id } }) => id));
    return { ...place, tables: Object.fromEntries(Object.entries(place.tables).filter(([id]) => !ids.has(id))) };
  }

  #tellColumns(
    { table }: FoundTable,
    before: readonly { readonly name: string; readonly type: number }[],
    now: readonly { readonly name: string; readonly type: number }[],
  ): void {
    const names = (some: typeof now, others: typeof now) =>
      some.filter(({ name }) => !others.some((other) => other.name === name)).map(({ name }) => name);
    const retyped = now.filter(({ name, type }) => before.some((one) => one.name === name && one.type !== type));
    const parts = [
      ['new', names(now, before)],
      ['gone', names(before, now)],
      ['of another type', retyped.map(({ name }) => name)],
    ] as const;
    const told = parts.flatMap(([what, some]) => (some.length === 0 ? [] : [`${what}: ${some.join(', ')}`]));
    this.#options.onNews?.(
      `${this.#where}: the columns of ${table} have changed (${told.join('; ') || 'their order'}); from here on rows are read so. A column that the entity should have is declared in its fields`,
    );
  }

  #tellOnce(doubt: string): void {
    if (this.#told.has(doubt)) return;
    this.#told.add(doubt);
    this.#options.onDoubt(`${this.#where}: ${doubt}`);
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    if (this.#session !== undefined && this.#session.broken === undefined) return this.#session;
    await this.#close();
    this.#session = await this.#openSession();
    if (signal.aborted) await this.#close();
    signal.throwIfAborted();
    return this.#session;
  }

  #openSession(): Promise<Session> {
    const { url, connectTimeout, timeout } = this.#endpoint.config;
    return Session.open({ url, connectTimeout, timeout });
  }

  async #openReplication(): Promise<Session> {
    const { url, connectTimeout, timeout } = this.#endpoint.config;
    try {
      return await Session.open({ url, connectTimeout, timeout, isReplication: true });
    } catch (error) {
      if (codeOf(error) !== '42501') throw error;
      const remedy = 'let it: ALTER ROLE … REPLICATION (on RDS: GRANT rds_replication TO …)';
      throw new FatalError('replication_forbidden', `the user of the URL may not replicate; ${remedy}`, {
        cause: error,
      });
    }
  }

  #closeWhenIdle(): void {
    const idle = new AbortController();
    this.#idle = idle;
    void this.#options.clock.sleep(IDLE, idle.signal).then(() => (idle.signal.aborted ? undefined : this.#close()));
  }

  #destroy(): void {
    this.#session?.destroy();
    void this.#following?.stream.close();
  }

  #now(): Followed | undefined {
    const slot = this.#copying ?? this.#following?.slot;
    if (this.#session === undefined || slot === undefined) return undefined;
    const phase = this.#copying === undefined ? 'streaming' : 'copying';
    return { session: this.#session, slot, phase, waitingSince: this.#waitingSince };
  }

  async #closeStream(): Promise<void> {
    const { stream } = this.#following ?? {};
    this.#following = undefined;
    await stream?.close();
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#options.onStatus(undefined);
    await Promise.all([session?.close(), this.#closeStream()]);
  }

  /** The same error, saying where it happened, without secrets. */
  #named(error: unknown): Error {
    const cause = error instanceof RetryableError && error.code === 'network' ? (error.cause ?? error) : error;
    if (codeOf(cause) === '42704' && /publication/.test(String(cause))) {
      this.#spoilt = `the publication "${this.#publication}" was made after the log that is to be streamed was written, so a new slot is made, and all tables are copied again`;
      return new RetryableError('publication_new', `${this.#where}: ${this.#spoilt}`);
    }
    if (codeOf(cause) === '42501' && /row-level security/.test(String(cause))) {
      const remedy = 'let it see all rows: ALTER ROLE … BYPASSRLS';
      const words = `a policy hides rows from the user of the URL, and they would count as deleted; ${remedy}`;
      return new FatalError('rows_hidden', `${this.#where}: ${words}`);
    }
    const known = error instanceof RetryableError || error instanceof FatalError;
    const fault = known ? error : faultOf(error, this.#endpoint.config.timeout);
    const message = `${this.#where}: ${this.#concealed.conceal(fault.message)}`;
    return fault instanceof FatalError
      ? new FatalError(fault.code, message)
      : new RetryableError(codeOf(fault), message);
  }
}

interface PlacedBatch extends Omit<ChangeBatch, 'place'> {
  readonly place: ChangesPlace;
}

const withoutCopies = (place: ChangesPlace | undefined): ChangesPlace | undefined => place && { ...place, tables: {} };

const slotPrefix = (pipeline: string): string =>
  pipeline
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 40);
