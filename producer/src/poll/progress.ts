import type { Logger } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PollMetrics } from '../metrics.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import type { Input, Page } from '../sources/port.js';
import type { NotDeleted } from './missing-news.js';

/** The result of one poll. */
export interface PollSummary {
  readonly endpoint: string;
  /** The poll's number; 0 if it failed before it got one. */
  readonly run: number;
  readonly pages: number;
  /** Records fetched. */
  readonly records: number;
  /** Records whose messages the broker confirmed; those of children are among those of their parent. */
  readonly published: number;
  /** Records that the endpoint's `where` left out; absent if none. */
  readonly filtered?: number;
  /** Records that were deleted: those of which `deletes.when` holds, and those that were missing; absent if none. */
  readonly deleted?: number;
  /** Records that are missing and were not deleted, and why; absent if there are none. */
  readonly notDeleted?: NotDeleted;
  /** Pages the API answered with 304, not modified. */
  readonly notModified: number;
  /** What became of files, up to some thousands of them; absent where there are none. */
  readonly inputs?: readonly Input[];
  readonly durationMs: number;
  /** Why it failed; absent if it did not. */
  readonly error?: string;
  /** What the endpoints that were polled within it came to. */
  readonly children?: readonly PollSummary[];
}

/** A folder of more files must not fill the memory. */
const MOST_INPUTS = 10_000;

/** Counts what a poll does, and logs what a person should know. */
export class PollProgress {
  readonly #endpoint: string;
  readonly #badRecords: Endpoint['config']['badRecords'];
  readonly #metrics: PollMetrics;
  readonly #log: Logger;
  #messages: Pick<PublishRun, 'confirmed'> = { confirmed: 0 };
  #run = 0;
  #idsFrom = 0;
  #confirmedAt: number | undefined;
  #pages = 0;
  #records = 0;
  #onPage = 0;
  #notModified = 0;
  #keyless = 0;
  #filtered = 0;
  #deleted = 0;
  #notDeleted: NotDeleted | undefined;
  #hasCompared = false;
  #accepted = 0;
  #gone = 0;
  #inputs: Input[] = [];
  #children: () => readonly PollProgress[] = () => [];

  constructor({ id, config }: Endpoint, metrics: PollMetrics, log: Logger) {
    this.#endpoint = id;
    this.#badRecords = config.badRecords;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** @param idsFrom no message id of the run has an earlier time, in milliseconds since the epoch */
  begin(run: number, messages: Pick<PublishRun, 'confirmed'>, idsFrom: number): void {
    this.#run = run;
    this.#messages = messages;
    this.#idsFrom = idsFrom;
  }

  /** The broker has confirmed every message. @param at milliseconds since the epoch */
  confirmed(at: number): void {
    this.#confirmedAt = at;
  }

  /** Times for the log of runs, which the summary does not have. */
  get times(): { readonly idsFrom: number; readonly confirmedAt: number | undefined } {
    return { idsFrom: this.#idsFrom, confirmedAt: this.#confirmedAt };
  }

  page({ records, inputs = [], notModified = false }: Page): void {
    const { pages, notModified: unchanged, records: fetched } = this.#metrics;
    const labels = { endpoint: this.#endpoint };
    this.#pages += 1;
    this.#onPage = 0;
    for (const input of inputs) this.#input(input);
    pages.inc(labels);
    fetched.inc(labels, records.length);
    // Both from the first page on: a share of pages that were never 304 is 0, and not unknown.
    unchanged.inc(labels, notModified ? 1 : 0);
    if (notModified) this.#notModified += 1;
  }

  #input(input: Input): void {
    this.#metrics.inputs.inc({ endpoint: this.#endpoint, outcome: input.outcome });
    if (this.#inputs.length < MOST_INPUTS) this.#inputs.push(input);
  }

  /**
   * Whether the record is published: not if it is filtered, or if it has no key and the endpoint only counts such records.
   * @param isFiltered whether the endpoint's `where` leaves it out
   */
  accepts({ envelope }: OutgoingMessage, isFiltered = false): boolean {
    this.#records += 1;
    this.#onPage += 1;
    if (isFiltered) {
      this.#filtered += 1;
      this.#metrics.filtered.inc({ endpoint: this.#endpoint });
      return false;
    }
    if (envelope.key === undefined) this.#tellKeyless(envelope.entity);
    const isAccepted = envelope.key !== undefined || this.#badRecords === 'dead-letter';
    if (isAccepted) this.#accepted += 1;
    return isAccepted;
  }

  /** Tombstones are published. @param why `marked` by the API as deleted, or `missing` in a complete walk */
  deletes(why: 'marked' | 'missing', count: number): void {
    this.#deleted += count;
    this.#metrics.deleted.inc({ endpoint: this.#endpoint, why }, count);
  }

  /** Records are missing after a walk over everything, and are not deleted. @param notDeleted undefined if there are none */
  withholds(notDeleted: NotDeleted | undefined): void {
    this.#metrics.notDeleted.set({ endpoint: this.#endpoint }, notDeleted?.records ?? 0);
    this.#notDeleted = notDeleted;
    this.#hasCompared = true;
  }

  /** Whether the poll looked for records that are missing. */
  get hasCompared(): boolean {
    return this.#hasCompared;
  }

  #tellKeyless(entity: string): void {
    this.#metrics.keyless.inc({ endpoint: this.#endpoint });
    this.#keyless += 1;
    // Only the first record is logged; an API that leaves out every key would fill the log.
    if (this.#keyless > 1) return;
    const position = { endpoint: this.#endpoint, entity, page: this.#pages, record: this.#onPage };
    const fate =
      this.#badRecords === 'count' ? 'it is left out, as badRecords says' : 'the consumer will dead-letter it';
    this.#log.warn(position, `a record has no key, or a key of over 512 characters; ${fate}`);
  }

  /** The parent's record was gone when its children were asked for. */
  goneFor(parent: string, reason: string): void {
    this.#metrics.gone.inc({ endpoint: this.#endpoint });
    this.#gone += 1;
    if (this.#gone > 1) return;
    const told = { endpoint: this.#endpoint, run: this.#run, parent, reason };
    this.#log.warn(
      told,
      'the API knows nothing for this parent: it is treated as deleted; later parents with the same answer are too, without another log line',
    );
  }

  /** The pages moved each time they were read, so the high-water mark stays where it was. */
  neverStood(): void {
    this.#metrics.moving.inc({ endpoint: this.#endpoint });
    const advice = 'poll it with paging of type cursor, or ask the API for an order that does not change';
    this.#log.warn(
      { endpoint: this.#endpoint, run: this.#run, advice },
      'the pages moved each time they were read, and a record may have slipped through: the next poll asks for all of it again',
    );
  }

  /** The progress of a child within this run. */
  of(child: Endpoint): PollProgress {
    const progress = new PollProgress(child, this.#metrics, this.#log);
    const isConfirmed = () => this.#confirmedAt !== undefined;
    const messages = {
      get confirmed() {
        return isConfirmed() ? progress.#accepted : 0;
      },
    };
    progress.begin(this.#run, messages, this.#idsFrom);
    return progress;
  }

  /** Those of the children, to be told in the summary. */
  withChildren(children: () => readonly PollProgress[]): void {
    this.#children = children;
  }

  /** The mark cannot move, though the API may have more to give. */
  standsStill(): void {
    this.#metrics.standing.inc({ endpoint: this.#endpoint });
    const advice = 'set paging, so that what follows is read too; or ask for larger answers, or by a finer version';
    this.#log.warn(
      { endpoint: this.#endpoint, run: this.#run, advice },
      'the page is full and every record has the same time as the last mark: if there are more records, they will never be read',
    );
  }

  /** @param error why it failed */
  summary(durationMs: number, error?: string): PollSummary {
    const children = this.#children().map((child) => child.summary(durationMs));
    return {
      endpoint: this.#endpoint,
      run: this.#run,
      pages: this.#pages,
      records: this.#records,
      published: this.#messages.confirmed,
      notModified: this.#notModified,
      durationMs,
      ...(this.#inputs.length === 0 ? {} : { inputs: this.#inputs }),
      ...(this.#filtered === 0 ? {} : { filtered: this.#filtered }),
      ...(this.#deleted === 0 ? {} : { deleted: this.#deleted }),
      ...(this.#notDeleted === undefined ? {} : { notDeleted: this.#notDeleted }),
      ...(error === undefined ? {} : { error }),
      ...(children.length === 0 ? {} : { children }),
    };
  }
}
