import { FatalError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import type { PageRequest } from '../port.js';
import type { Dialect } from './database.js';
import type { Statements } from './statements.js';

/** A transaction that is open for so long, in milliseconds, is told of: all that was written since is read again with each poll. */
const LONG = 300_000;

/** So many polls are remembered with the largest number that was there. */
const MOST_NOTES = 1_000;

/** The overlap of versions that are times, where the settings say none. */
const USUAL_OVERLAP = 5_000;

interface OpenTransactionsOptions {
  readonly statements: Pick<Statements, 'ask'>;
  readonly dialect: Pick<Dialect, 'openTransactions' | 'replica'>;
  onDoubt(message: string): void;
  onNews(message: string): void;
}

/**
 * Transactions that are open now commit later what they wrote before: rows with earlier versions than rows that were read. What they wrote
 * is not before their beginning, so a mark that does not pass it leaves none of them out, however long they last.
 */
export class OpenTransactions {
  readonly #config: EndpointFrom<'sql'>['config'];
  readonly #options: OpenTransactionsOptions;
  #isRefused = false;
  #isHiddenTold = false;
  #isReplicaTold = false;
  #isKnown = false;
  /** The beginning of the one that was told of last. */
  #told: number | undefined;
  /** The largest number that was there at each poll, oldest first. */
  #notes: { readonly at: number; readonly newest: string }[] = [];
  /** Polls with a time before which none of the transactions began that were open then, or began later; oldest first. */
  #polls: { readonly at: number; readonly bound: number }[] = [];

  constructor(config: EndpointFrom<'sql'>['config'], options: OpenTransactionsOptions) {
    this.#config = config;
    this.#options = options;
  }

  /**
   * When the oldest one began that may write, in milliseconds since the epoch by the database's clock; undefined if there is none, or if
   * nothing tells. To be asked for before rows are read.
   * @param now the same clock
   * @param since where the poll begins, which is before all that was open at the one before; undefined where everything is read
   */
  async oldest(now: number, since: PageRequest['since'], signal: AbortSignal): Promise<number | undefined> {
    const { statements, dialect } = this.#options;
    const { incremental } = this.#config;
    const query = dialect.openTransactions;
    if (query === undefined || incremental?.openTransactions !== true || this.#isRefused) return undefined;
    try {
      await this.#learnServer(signal);
      const { rows } = await statements.ask({ text: query.text, values: [] }, signal);
      const { began, hidden, prepared } = query.read(rows[0] ?? [], now);
      if (hidden > 0) this.#tellHidden();
      const times = [began, this.#begunBefore(prepared, since)].filter((time) => time !== undefined);
      const oldest = times.length === 0 ? undefined : Math.min(...times);
      this.#polls.push({ at: now, bound: Math.min(now, oldest ?? now) });
      if (oldest !== undefined) this.#tellLong(oldest, now);
      return oldest;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#isRefused = true;
      this.#tellHidden();
      return undefined;
    }
  }

  /** Another server may have taken the place of the one that answered before. */
  forgetServer(): void {
    this.#isKnown = false;
  }

  /** A replica shows what is open on itself, so that a poll would trust that nothing is. */
  async #learnServer(signal: AbortSignal): Promise<void> {
    const { dialect, onDoubt } = this.#options;
    if (this.#isKnown || dialect.replica === undefined || this.#config.incremental?.overlap !== undefined) return;
    const words = await this.#replicaIn(dialect.replica, signal);
    this.#isKnown = true;
    if (words === undefined || this.#isReplicaTold) return;
    this.#isReplicaTold = true;
    onDoubt(
      `the server is ${words}, and does not show which transactions are open on its primary: rows that are committed later after their version than the overlap is long (${USUAL_OVERLAP} ms for times, none for numbers) are left out; set overlap to more than the longest transaction that writes, or read the primary`,
    );
  }

  /** What the server is, in words, if any of the statements says that it is a replica. */
  async #replicaIn(asked: NonNullable<Dialect['replica']>, signal: AbortSignal): Promise<string | undefined> {
    for (const { text, words } of asked) {
      const rows = await this.#options.statements.ask({ text, values: [] }, signal).then(
        (answer) => answer.rows,
        (error: unknown) => {
          // The server does not know it, or the user may not ask.
          if (error instanceof FatalError) return [];
          throw error;
        },
      );
      if (rows[0] !== undefined && String(rows[0][0]) !== '0') return words;
    }
    return undefined;
  }

  /**
   * The beginning of the oldest prepared transaction, or a time before it. Postgres tells only when it was prepared. At any poll before that it
   * was open, and held the mark, or had not begun.
   */
  #begunBefore(prepared: number | undefined, since: PageRequest['since']): number | undefined {
    // The polls of a process that ran before are known by the mark that they left.
    if (this.#polls.length === 0) this.#polls.push({ at: 0, bound: isTime(since) ? Date.parse(since) : Number.NaN });
    if (prepared === undefined) {
      this.#polls = this.#polls.slice(-1);
      return undefined;
    }
    const before = Math.max(
      0,
      this.#polls.findLastIndex(({ at }) => at < prepared),
    );
    const bound = this.#polls[before]?.bound ?? Number.NaN;
    this.#polls = this.#polls.slice(before).slice(0, MOST_NOTES);
    return Number.isNaN(bound) ? prepared : Math.min(prepared, bound);
  }

  /**
   * Where versions count: the largest number that the mark may come to. A transaction takes numbers when it has begun, so they are larger than those
   * that were there at a poll before.
   * @param newest the largest number that is there
   * @param oldest as of {@link oldest}, asked for before
   * @param now not before the moment of `newest`, by the clock of `oldest`
   * @param isFirst everything is read: without a poll before, the overlap alone counts
   */
  newestBefore(newest: string, oldest: number | undefined, now: number, isFirst: boolean): string {
    const before = this.#notes.findLastIndex(({ at }) => oldest !== undefined && at < oldest);
    const noted = this.#notes[before]?.newest ?? (isFirst ? newest : '');
    // Of a transaction that began a moment ago, the poll before is still needed.
    const kept =
      oldest === undefined ? this.#notes.slice(-1) : this.#notes.slice(Math.max(0, before)).slice(0, MOST_NOTES);
    this.#notes = [...kept, { at: now, newest }];
    return oldest === undefined ? newest : noted;
  }

  /** Where a person has said how long transactions last, the overlap is enough. */
  #tellHidden(): void {
    if (this.#config.incremental?.overlap !== undefined || this.#isHiddenTold) return;
    this.#isHiddenTold = true;
    const remedy =
      'set overlap to more than the longest transaction that writes; or let the user see transactions: GRANT pg_read_all_stats TO … in Postgres, GRANT PROCESS ON *.* TO … in MySQL';
    this.#options.onDoubt(
      `its user may not see which transactions are open: rows that are committed more than ${USUAL_OVERLAP} ms after their version are left out; ${remedy}`,
    );
  }

  #tellLong(began: number, now: number): void {
    const { overlap } = this.#config.incremental ?? {};
    const covered = typeof overlap === 'object' ? overlap.milliseconds : USUAL_OVERLAP;
    if (now - began < Math.max(LONG, covered) || this.#told === began) return;
    this.#told = began;
    const since = new Date(began).toISOString();
    this.#options.onNews(
      `a transaction of the database is open since ${since}: until it ends, each poll reads again what was written since then, so that nothing it commits is left out; openTransactions: false reads on without it`,
    );
  }
}

const isTime = (since: PageRequest['since']): since is string =>
  typeof since === 'string' && /^\d{4}-\d\d-\d\dT/.test(since);
