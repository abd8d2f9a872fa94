import { type Clock, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import pRetry from 'p-retry';
import type { Endpoint } from '../../endpoint.js';
import type { Page } from '../port.js';
import { findPage, RetryAfterError } from './answer.js';
import type { Secrets } from './auth/secrets.js';
import type { Client } from './client.js';
import type { BodyFormat } from './formats/format.js';
import type { Pager } from './paging/pager.js';
import { type HttpRequest, withUrl } from './request.js';
import { backoff } from './retry-delay.js';
import { conditionsOf, type PageValidator, validatorOf } from './validators.js';

export interface FetchPageOptions {
  readonly client: Client;
  readonly format: BodyFormat;
  readonly secrets: Secrets;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Called for each failed attempt that is followed by another. */
  onRetry(code: string, reason: string): void;
}

/** A page, and where the next one is. */
export interface Fetched extends Page {
  readonly validator: PageValidator | undefined;
  readonly next: HttpRequest | undefined;
}

/** What all requests of one run share. */
export interface Run {
  readonly pager: Pager;
  readonly known: ReadonlyMap<string, PageValidator>;
  /** The first request is not repeated if it fails. */
  readonly trial: boolean;
  readonly signal: AbortSignal;
}

/** Fetches one page of an endpoint: sends the request, repeats it while that may help, and finds the records. */
export class PageFetcher {
  readonly #endpoint: Endpoint;
  readonly #options: FetchPageOptions;

  constructor(endpoint: Endpoint, options: FetchPageOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** @throws RetryableError, FatalError saying where it happened; the signal's reason once it has aborted */
  async fetch(request: HttpRequest, number: number, run: Run): Promise<Fetched> {
    const { retries, retryDelay } = this.#endpoint.config;
    const { clock, random, onRetry } = this.#options;
    const { signal } = run;
    return await pRetry(() => this.#attempt(request, number, run), {
      retries: run.trial && number === 1 ? 0 : retries,
      // p-retry does not wait; the wait is below, by a clock that tests control.
      minTimeout: 0,
      maxTimeout: 0,
      signal,
      shouldRetry: ({ error }) => error instanceof RetryableError,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (signal.aborted || retriesLeft === 0 || !(error instanceof RetryableError)) return;
        onRetry(error.code, error.message);
        // The random back-off is added, so that clients that were all told "in 30 seconds" do not come in the same second.
        const asked = error.cause instanceof RetryAfterError ? error.cause.waitMs : 0;
        const wait = asked + backoff(retryDelay, attemptNumber, random());
        if (wait > 0) await clock.sleep(wait, signal);
      },
    });
  }

  async #attempt(request: HttpRequest, number: number, { pager, known, signal }: Run): Promise<Fetched> {
    const { client, format, secrets } = this.#options;
    const kept = secrets.withhold(request.url);
    const validator = known.get(kept);
    try {
      const conditional = { ...request, headers: { ...request.headers, ...conditionsOf(validator) } };
      const answer = await client.send(conditional, signal);
      const times = { fetchedAt: answer.arrivedAt, serverTime: timeOf(answer.headers.date), counted: false };
      if (answer.status === 304 && validator !== undefined) {
        const url = validator.next === undefined ? undefined : secrets.reveal(validator.next);
        const next = url === undefined ? undefined : withUrl(request, url);
        return { ...times, records: [], notModified: true, validator, next };
      }
      const { body, records } = findPage(answer, format, (text) => secrets.conceal(text));
      const next = pager.next(request, { body, records, link: answer.headers.link });
      const nextKept = next === undefined ? undefined : secrets.withhold(next.url);
      return { ...times, records, notModified: false, validator: validatorOf(kept, answer.headers, nextKept), next };
    } catch (error) {
      throw signal.aborted ? error : this.#named(request, number, pager, error);
    }
  }

  /** The endpoint, the page's number, and its URL without secrets, for a person. */
  where({ method, url }: HttpRequest, number: number): string {
    return `${this.#endpoint.id}: page ${number}, ${method} ${redactUrl(url.href)}`;
  }

  /** The same error, with the place where it happened. */
  #named(request: HttpRequest, number: number, pager: Pager, cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const hint = pager.counted === 'always' && number > 1 && /^http_4/.test(cause.code) ? PAST_THE_END : '';
    const message = `${this.where(request, number)}: ${cause.message}${hint}`;
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
