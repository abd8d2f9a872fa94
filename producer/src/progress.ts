import type { Logger } from '@tributary/shared';
import type { OutgoingMessage } from './messages.js';
import type { PollMetrics } from './metrics.js';
import type { PublishRun } from './publish-run.js';
import type { Page } from './sources/port.js';

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
  readonly #metrics: PollMetrics;
  readonly #log: Logger;
  #messages: Pick<PublishRun, 'confirmed'> = { confirmed: 0 };
  #run = 0;
  #pages = 0;
  #records = 0;
  #onPage = 0;
  #notModified = 0;
  #keyless = 0;

  constructor(endpoint: string, metrics: PollMetrics, log: Logger) {
    this.#endpoint = endpoint;
    this.#metrics = metrics;
    this.#log = log;
  }

  begin(run: number, messages: Pick<PublishRun, 'confirmed'>): void {
    this.#run = run;
    this.#messages = messages;
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

  record({ envelope }: OutgoingMessage): void {
    this.#records += 1;
    this.#onPage += 1;
    if (envelope.key !== undefined) return;
    this.#metrics.keyless.inc({ endpoint: this.#endpoint });
    this.#keyless += 1;
    // One line tells where to look; an API that leaves out every key would fill the log.
    if (this.#keyless > 1) return;
    const position = { endpoint: this.#endpoint, entity: envelope.entity, page: this.#pages, record: this.#onPage };
    this.#log.warn(position, 'a record has no key, or one of over 512 characters; the consumer will dead-letter it');
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
