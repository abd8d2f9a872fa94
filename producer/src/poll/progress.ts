import type { Logger } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import type { PollMetrics } from '../metrics.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import type { Page } from '../sources/port.js';

/** What one poll came to. */
export interface PollSummary {
  readonly endpoint: string;
  /** The poll's number; 0 if it did not come so far as to get one. */
  readonly run: number;
  readonly pages: number;
  /** Records fetched. */
  readonly records: number;
  /** Records whose messages the broker confirmed. */
  readonly published: number;
  /** Pages the API answered with 304, not modified. */
  readonly notModified: number;
  readonly durationMs: number;
  /** Why it failed; absent if it did not. */
  readonly error?: string;
}

/** How far a poll has come: counted, and told where a person should know. */
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

  constructor({ id, config }: Endpoint, metrics: PollMetrics, log: Logger) {
    this.#endpoint = id;
    this.#badRecords = config.badRecords;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** @param idsFrom no message id of it will be of an earlier time, in milliseconds since the epoch */
  begin(run: number, messages: Pick<PublishRun, 'confirmed'>, idsFrom: number): void {
    this.#run = run;
    this.#messages = messages;
    this.#idsFrom = idsFrom;
  }

  /** The broker has confirmed every message. @param at milliseconds since the epoch */
  confirmed(at: number): void {
    this.#confirmedAt = at;
  }

  /** What the log of runs tells beside the summary. */
  get times(): { readonly idsFrom: number; readonly confirmedAt: number | undefined } {
    return { idsFrom: this.#idsFrom, confirmedAt: this.#confirmedAt };
  }

  page({ records, notModified }: Page): void {
    const { pages, notModified: unchanged, records: fetched } = this.#metrics;
    const labels = { endpoint: this.#endpoint };
    this.#pages += 1;
    this.#onPage = 0;
    pages.inc(labels);
    fetched.inc(labels, records.length);
    if (!notModified) return;
    this.#notModified += 1;
    unchanged.inc(labels);
  }

  /** Whether the record goes on its way; one without its key does unless the endpoint only counts such. */
  accepts({ envelope }: OutgoingMessage): boolean {
    this.#records += 1;
    this.#onPage += 1;
    if (envelope.key !== undefined) return true;
    this.#tellKeyless(envelope.entity);
    return this.#badRecords === 'dead-letter';
  }

  #tellKeyless(entity: string): void {
    this.#metrics.keyless.inc({ endpoint: this.#endpoint });
    this.#keyless += 1;
    // One line tells where to look; an API that leaves out every key would fill the log.
    if (this.#keyless > 1) return;
    const position = { endpoint: this.#endpoint, entity, page: this.#pages, record: this.#onPage };
    const fate =
      this.#badRecords === 'count' ? 'it is left out, as badRecords says' : 'the consumer will dead-letter it';
    this.#log.warn(position, `a record has no key, or one of over 512 characters; ${fate}`);
  }

  /** Its pages moved at every reading, so the high-water mark stays where it was. */
  neverStood(): void {
    this.#metrics.moving.inc({ endpoint: this.#endpoint });
    const advice = 'poll it with paging of type cursor, or ask the API for an order that does not change';
    this.#log.warn(
      { endpoint: this.#endpoint, run: this.#run, advice },
      'the pages moved each time they were read, and a record may have slipped through: the next poll asks for all of it again',
    );
  }

  /** @param error why it failed */
  summary(durationMs: number, error?: string): PollSummary {
    return {
      endpoint: this.#endpoint,
      run: this.#run,
      pages: this.#pages,
      records: this.#records,
      published: this.#messages.confirmed,
      notModified: this.#notModified,
      durationMs,
      ...(error === undefined ? {} : { error }),
    };
  }
}
