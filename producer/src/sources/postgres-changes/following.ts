import type { Clock } from '@tributary/shared';
import type { Change } from '../port.js';
import { codeOf, describeTable } from './catalog.js';
import type { FoundTable } from './followed.js';
import { confirmableOf } from './kept.js';
import { generationOf, type Lsn } from './lsn.js';
import { slotInUse } from './opening.js';
import type { RelationColumn } from './pgoutput.js';
import type { ChangesPlace } from './place.js';
import { ReplicationStream } from './replication-stream.js';
import type { Types } from './rows.js';
import type { Session, SessionOptions } from './session.js';
import { Transactions } from './transactions.js';

/** How often a slot is asked for that another process still has, how long between two attempts, and after how many that process is ended. */
const SLOT_ATTEMPTS = 20;
const SLOT_PAUSE = 500;
const SLOT_TAKEN_AFTER = 3;

export interface FollowingOptions {
  /** For values and facts that the stream does not send. */
  readonly session: Session;
  readonly connection: SessionOptions;
  readonly publication: string;
  readonly tables: readonly FoundTable[];
  readonly types: Types;
  readonly clock: Clock;
  onNews(news: string): void;
}

/** A stream that is open, and what it tells. It stays open from one run to the next. */
export class Following {
  readonly slot: string;
  readonly #stream: ReplicationStream;
  readonly #transactions: Transactions;
  readonly #tables: readonly FoundTable[];

  private constructor(
    slot: string,
    stream: ReplicationStream,
    transactions: Transactions,
    tables: readonly FoundTable[],
  ) {
    this.slot = slot;
    this.#stream = stream;
    this.#transactions = transactions;
    this.#tables = tables;
  }

  /** @throws RetryableError if another process keeps the slot; what the driver throws */
  static async open(options: FollowingOptions, place: ChangesPlace): Promise<Following> {
    const { session, types, tables, onNews } = options;
    const { slot, lsn } = place;
    const stream = await takeSlot(options, place);
    const transactions = new Transactions(
      {
        session,
        types,
        tables: new Map(tables.map((table) => [table.facts.oid, table])),
        generation: generationOf(slot),
        onColumns: (table, before, now) => onNews(newColumns(table, before.columns, now.columns)),
      },
      lsn,
    );
    return new Following(slot, stream, transactions, tables);
  }

  /** The end of the last transaction that is told as a whole. */
  get reached(): Lsn {
    return this.#transactions.reached;
  }

  /** As of Transactions. */
  get committedAt(): number | undefined {
    return this.#transactions.committedAt;
  }

  /** Whether it can be read on from this place. */
  async isAt(place: ChangesPlace, session: Session): Promise<boolean> {
    if (this.#stream.failure !== undefined || this.slot !== place.slot) return false;
    for (const { endpoint, facts, table } of this.#tables) {
      const its = place.tables[endpoint.id];
      if (its === undefined || !its.isCopied || its.settings !== endpoint.fingerprint) return false;
      if ((await describeTable(session, table)).oid !== facts.oid) return false;
    }
    // The place went back: what was streamed since may be lost.
    return this.reached === place.lsn;
  }

  /**
   * What has come since the last call; nothing after `wait` milliseconds without anything.
   * @throws RetryableError if the connection is lost and all that came before is taken
   */
  async next(wait: number, signal: AbortSignal): Promise<readonly Change[]> {
    const received = await this.#stream.take(wait, signal);
    const messages = [];
    let upTo: Lsn | undefined;
    for (const one of received) {
      if (one.kind === 'message') messages.push(one.message);
      else upTo = one.upTo;
    }
    const changes = await this.#transactions.changes(messages);
    if (upTo !== undefined && received.at(-1)?.kind === 'idle') this.#transactions.idle(upTo);
    return changes;
  }

  /** All before this place is durable: the server may forget it. */
  confirm(lsn: Lsn): void {
    this.#stream.confirm(lsn);
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#stream.close();
  }
}

/** The producer that had the slot before may be gone without a word: its process at the server is ended then. The lease says that the slot is ours. */
async function takeSlot(
  { session, connection, publication, clock }: FollowingOptions,
  place: ChangesPlace,
): Promise<ReplicationStream> {
  const { slot, lsn } = place;
  const begin = { slot, publication, from: lsn, confirmed: confirmableOf(place) };
  for (let attempt = 1; attempt <= SLOT_ATTEMPTS; attempt++) {
    try {
      return await ReplicationStream.open(connection, begin, clock);
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

/** Which columns of a table have changed, in words. */
function newColumns({ table }: FoundTable, before: readonly RelationColumn[], now: readonly RelationColumn[]): string {
  const names = (some: readonly RelationColumn[], others: readonly RelationColumn[]) =>
    some.filter(({ name }) => !others.some((other) => other.name === name)).map(({ name }) => name);
  const retyped = now.filter(({ name, type }) => before.some((one) => one.name === name && one.type !== type));
  const parts = [
    ['new', names(now, before)],
    ['gone', names(before, now)],
    ['of another type', retyped.map(({ name }) => name)],
  ] as const;
  const told = parts.flatMap(([what, some]) => (some.length === 0 ? [] : [`${what}: ${some.join(', ')}`]));
  return `the columns of ${table} have changed (${told.join('; ') || 'their order'}); from here on rows are read so. A column that the entity should have is declared in its fields`;
}
