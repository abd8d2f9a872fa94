import { type Clock, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import pRetry from 'p-retry';
import type { Validator } from '../../cursor/cursor.js';
import type { Endpoint } from '../../endpoint.js';
import type { Page } from '../port.js';
import { findPage, PatienceError } from './answer.js';
import { backoff } from './backoff.js';
import type { Client } from './client.js';
import type { Pager } from './paging/paging.js';
import type { Requests } from './requests.js';
import { validatorOf } from './validators.js';

export interface FetchPageOptions {
  readonly client: Client;
  readonly requests: Requests;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Told of each failed attempt that is followed by another. */
  onRetry(code: string, reason: string): void;
}

/** A page, and where the next one is. */
export interface Fetched extends Page {
  readonly next: URL | undefined;
}

/** What one run asks with. */
export interface Run {
  readonly pager: Pager;
  readonly known: ReadonlyMap<string, Validator>;
  /** The first request is not tried again. */
  readonly trial: boolean;
  readonly signal: AbortSignal;
}

/** Fetches one page of an endpoint: asks, asks again while that may help, and finds the records. */
export class PageFetcher {
  readonly #endpoint: Endpoint;
  readonly #options: FetchPageOptions;

  constructor(endpoint: Endpoint, options: FetchPageOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** @throws RetryableError, FatalError saying where it happened; the signal's reason once it has aborted */
  async fetch(url: URL, number: number, run: Run): Promise<Fetched> {
    const { retries, retryDelay } = this.#endpoint.config;
    const { clock, random, onRetry } = this.#options;
    const { signal } = run;
    return await pRetry(() => this.#attempt(url, number, run), {
      retries: run.trial && number === 1 ? 0 : retries,
      // The waiting is done below, by a clock that tests can hold in their hands.
      minTimeout: 0,
      maxTimeout: 0,
      signal,
      shouldRetry: ({ error }) => error instanceof RetryableError,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (signal.aborted || retriesLeft === 0 || !(error instanceof RetryableError)) return;
        onRetry(error.code, error.message);
        // The back-off comes on top: of all who were told "in 30 seconds", not every one should come in that second.
        const asked = error.cause instanceof PatienceError ? error.cause.waitMs : 0;
        const wait = asked + backoff(retryDelay, attemptNumber, random());
        if (wait > 0) await clock.sleep(wait, signal);
      },
    });
  }

  async #attempt(url: URL, number: number, { pager, known, signal }: Run): Promise<Fetched> {
    const { client, requests } = this.#options;
    const { secrets } = requests;
    const kept = secrets.withhold(url);
    const validator = known.get(kept);
    try {
      const answer = await client.get(url, requests.headers(validator), signal);
      const times = { fetchedAt: answer.arrivedAt, serverTime: timeOf(answer.headers.date), counted: false };
      if (answer.status === 304 && validator !== undefined) {
        const next = validator.next === undefined ? undefined : secrets.reveal(validator.next);
        return { ...times, records: [], notModified: true, validator, next };
      }
      const { body, records } = findPage(answer, this.#endpoint.config, (text) => secrets.conceal(text));
      const next = pager.next(url, { body, records, link: answer.headers.link });
      const nextKept = next === undefined ? undefined : secrets.withhold(next);
      return { ...times, records, notModified: false, validator: validatorOf(kept, answer.headers, nextKept), next };
    } catch (error) {
      throw signal.aborted ? error : this.#named(url, number, error);
    }
  }

  /** Which page of which endpoint, and its URL without secrets. */
  where(url: URL, number: number): string {
    return `${this.#endpoint.id}: page ${number}, GET ${redactUrl(url.href)}`;
  }

  /** The same error, saying where it happened. */
  #named(url: URL, number: number, cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const counted = ['page', 'offset'].includes(this.#endpoint.config.paging.type);
    const hint = counted && number > 1 && /^http_4/.test(cause.code) ? PAST_THE_END : '';
    const message = `${this.where(url, number)}: ${cause.message}${hint}`;
    const Class = cause instanceof RetryableError ? RetryableError : FatalError;
    return new Class(cause.code, message, { cause });
  }
}

const PAST_THE_END =
  '. If that is how this API says that there are no more pages, poll it with paging of type link, next-url or cursor';

function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}
