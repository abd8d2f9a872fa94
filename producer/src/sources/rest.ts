import { type Clock, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import pRetry from 'p-retry';
import type { Dispatcher } from 'undici';
import type { Validator } from '../cursor.js';
import type { Endpoint } from '../endpoint.js';
import { findPage, PatienceError } from './answer.js';
import { fetchAnswer } from './fetch.js';
import { LoopGuard } from './loop-guard.js';
import { createPager, type Pager } from './paging.js';
import type { Page, PageRequest, Source } from './port.js';
import { RepeatCheck } from './repeat-check.js';
import { Requests } from './requests.js';
import { validatorOf } from './validators.js';

export interface RestOptions {
  /** Whose connections are used; closed by whoever made it. */
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** Told of each failed attempt that is followed by another. */
  onRetry(code: string, reason: string): void;
  /** Told what a person should look at, though the run goes on. */
  onDoubt(message: string): void;
}

/** The longest wait between two tries, in milliseconds, unless the first is longer already. */
const MAX_RETRY_DELAY = 300_000;

/** A page, and where the next one is. */
interface Fetched extends Page {
  readonly next: URL | undefined;
}

/** What one run asks with. */
interface Run {
  readonly pager: Pager;
  readonly known: ReadonlyMap<string, Validator>;
  readonly signal: AbortSignal;
}

/** A REST API that answers with JSON, polled as the endpoint's settings say. */
export class RestSource implements Source {
  readonly #endpoint: Endpoint;
  readonly #options: RestOptions;
  readonly #requests: Requests;
  /** A page remembered as following a 304 may be gone by now; after a failed run nothing remembered is relied on. */
  #lastRunFailed = false;

  constructor(endpoint: Endpoint, options: RestOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#requests = new Requests(endpoint);
  }

  async *pages({ since, validators, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { paging, maxPages } = this.#endpoint.config;
    const known = new Map((this.#lastRunFailed ? [] : validators).map((validator) => [validator.url, validator]));
    this.#lastRunFailed = true;
    const run: Run = { pager: createPager(paging), known, signal };
    const repeats = new RepeatCheck(paging);
    let url: URL | undefined = run.pager.first(this.#requests.start(since));
    const loop = new LoopGuard(url);

    for (let number = 1; url !== undefined; number++) {
      if (number > maxPages) throw this.#fault(url, number, 'too_many_pages', TOO_MANY_PAGES);
      const page = await this.#fetch(url, number, run);
      if (repeats.isRepeat(page.records)) {
        if (repeats.isDoubtful(page.records)) this.#options.onDoubt(`${this.#where(url, number)}: ${SAME_PAGE}`);
        yield endOf(page);
        break;
      }
      yield page;
      if (page.next !== undefined && loop.isLoop(url, page.next)) {
        throw this.#fault(url, number, 'paging_loops', PAGING_LOOPS);
      }
      url = page.next;
    }
    this.#lastRunFailed = false;
  }

  /** One page, tried again while that may help. */
  async #fetch(url: URL, number: number, run: Run): Promise<Fetched> {
    const { retries, retryDelay } = this.#endpoint.config;
    const { signal } = run;
    return await pRetry(() => this.#attempt(url, number, run), {
      retries,
      minTimeout: retryDelay,
      maxTimeout: Math.max(retryDelay, MAX_RETRY_DELAY),
      factor: 2,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof RetryableError,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (signal.aborted || retriesLeft === 0 || !(error instanceof RetryableError)) return;
        this.#options.onRetry(error.code, error.message);
        // The back-off comes on top: of all who were told "in 30 seconds", not every one should come in that second.
        if (error.cause instanceof PatienceError) await this.#options.clock.sleep(error.cause.waitMs, signal);
      },
    });
  }

  async #attempt(url: URL, number: number, { pager, known, signal }: Run): Promise<Fetched> {
    const { timeout, maxBodySize, items } = this.#endpoint.config;
    const { dispatcher, clock } = this.#options;
    const { secrets } = this.#requests;
    const kept = secrets.withhold(url);
    const validator = known.get(kept);
    try {
      const headers = this.#requests.headers(validator);
      const now = () => clock.now();
      const answer = await fetchAnswer(url, { dispatcher, headers, timeout, maxBodySize, signal, now });
      const times = { fetchedAt: answer.arrivedAt, serverTime: timeOf(answer.headers.date) };
      if (answer.status === 304 && validator !== undefined) {
        const next = validator.next === undefined ? undefined : secrets.reveal(validator.next);
        return { ...times, records: [], notModified: true, validator, next };
      }
      const { body, records } = findPage(answer, items, (text) => secrets.conceal(text));
      const next = pager.next(url, { body, records, link: answer.headers.link });
      const nextKept = next === undefined ? undefined : secrets.withhold(next);
      return { ...times, records, notModified: false, validator: validatorOf(kept, answer.headers, nextKept), next };
    } catch (error) {
      throw signal.aborted ? error : this.#named(url, number, error);
    }
  }

  #where(url: URL, number: number): string {
    return `${this.#endpoint.id}: page ${number}, GET ${redactUrl(url.href)}`;
  }

  #fault(url: URL, number: number, code: string, message: string): FatalError {
    return new FatalError(code, `${this.#where(url, number)}: ${message}`);
  }

  /** The same error, saying where it happened. */
  #named(url: URL, number: number, cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const counted = ['page', 'offset'].includes(this.#endpoint.config.paging.type);
    const hint = counted && number > 1 && /^http_4/.test(cause.code) ? PAST_THE_END : '';
    const message = `${this.#where(url, number)}: ${cause.message}${hint}`;
    const Class = cause instanceof RetryableError ? RetryableError : FatalError;
    return new Class(cause.code, message, { cause });
  }
}

const TOO_MANY_PAGES = 'more pages than maxPages allows; raise it, or ask for larger pages';
const PAGING_LOOPS = 'the page leads back to one already read, its cursor does not move; look at the paging settings';
const SAME_PAGE =
  'is the same as page 1. If there is more, the API does not know the paging parameter; look at the paging settings';
const PAST_THE_END =
  '. If that is how this API says that there are no more pages, poll it with paging of type link, next-url or cursor';

/** The page after the last, where the API repeats the last one: it is remembered as the end, so that a 304 ends it too. */
function endOf({ next: _next, validator, ...page }: Fetched): Page {
  if (validator === undefined) return { ...page, validator, records: [] };
  const { next: _following, ...last } = validator;
  return { ...page, validator: last, records: [] };
}

function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}
