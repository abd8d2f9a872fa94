import { type Clock, FatalError, RetryableError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import { LONGEST_IDLE_WAIT, type NextAttempt, type Page } from '../port.js';
import { tryAgain } from '../try-again.js';
import { findPage, type Reading, wholeOf } from './answer.js';
import type { Secrets } from './auth/secrets.js';
import type { Client } from './client.js';
import type { Cookies } from './cookies.js';
import type { Answer } from './fetch.js';
import type { BodyFormat } from './formats/format.js';
import { type Ends, type Progress, saysMorePages } from './paging/ends.js';
import type { PageAddress, Pager } from './paging/pager.js';
import type { HttpRequest } from './request/http-request.js';
import type { Asked, Requests } from './request/requests.js';
import { conditionsOf, keepAddress, keptAddress, type PageValidator, validatorOf } from './validators.js';

export interface FetchPageOptions {
  readonly client: Client;
  readonly requests: Requests;
  readonly format: BodyFormat;
  readonly secrets: Secrets;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Called for each failed attempt that is followed by another. */
  onRetry(code: string, reason: string, next: NextAttempt): void;
  /** Called when a request that failed before was answered, or is given up. */
  onSettled?(): void;
  /** Called with the time, in milliseconds since the epoch, before which the API asks not to be asked again. */
  onPause?(until: number): void;
  /** Told what a person should look at, though the run goes on. */
  onDoubt(message: string): void;
}

/** A page, and where the next one is. */
export interface Fetched extends Page {
  readonly notModified: boolean;
  readonly validator: PageValidator | undefined;
  readonly request: HttpRequest;
  readonly next: PageAddress | undefined;
  /** Why there is no way to the next page, though there is one: to be thrown once the records of this page are taken. */
  readonly dead: FatalError | undefined;
}

/** What all requests of one run share. */
export interface Run {
  readonly asked: Omit<Asked, 'page'>;
  readonly pager: Pager;
  readonly ends: Ends;
  readonly known: ReadonlyMap<string, PageValidator>;
  readonly cookies: Cookies;
  /** Adds to a record what it was asked for with. */
  readonly addContext: ((record: unknown) => unknown) | undefined;
  /** The first request is not tried again. */
  readonly trial: boolean;
  readonly attended: boolean;
  readonly signal: AbortSignal;
}

/** Fetches one page of an endpoint: sends the request, repeats it while that may help, and finds the records. */
export class PageFetcher {
  readonly #endpoint: EndpointFrom<'rest'>;
  readonly #options: FetchPageOptions;
  /** What was told already: it holds of every page, and one line is enough. */
  readonly #told = new Set<string>();

  constructor(endpoint: EndpointFrom<'rest'>, options: FetchPageOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** @throws RetryableError, FatalError saying where it happened; the signal's reason once it has aborted */
  async fetch(page: PageAddress, progress: Progress, run: Run): Promise<Fetched> {
    const { retries, retryDelay } = this.#endpoint.config;
    const { client } = this.#options;
    const { signal } = run;
    const request = this.#build({ ...run.asked, page });
    const held = client.heldUntil(request);
    if (held !== undefined && !this.#mayWaitUntil(held, progress)) {
      throw this.#named(request, progress, run.pager, heldFault(held));
    }
    return await tryAgain(() => this.#attempt(request, page, progress, run), {
      ...this.#options,
      retries: run.trial && progress.pages === 0 ? 0 : retries,
      retryDelay,
      signal,
      mayHelp: ({ code, notBefore }) =>
        this.#mayWaitUntil(notBefore, progress) && (!run.attended || OF_THE_WAY.test(code)),
    });
  }

  #build(asked: Asked): HttpRequest {
    const { requests, secrets } = this.#options;
    try {
      return requests.build(asked);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      throw new FatalError(error.code, secrets.concealForeign(error.message));
    }
  }

  /**
   * Whether a run waits as long as the API asks. It does when it has read pages, which the next run would have to read again; one
   * that has read none ends, and the next begins when the wait is over.
   */
  #mayWaitUntil(notBefore = 0, { pages }: Progress): boolean {
    const isChild = this.#endpoint.config.parent !== undefined;
    return pages > 0 || isChild || notBefore - this.#options.clock.now() <= LONGEST_IDLE_WAIT;
  }

  async #attempt(request: HttpRequest, page: PageAddress, progress: Progress, run: Run): Promise<Fetched> {
    const { client, requests, secrets } = this.#options;
    const { known, cookies, signal } = run;
    const kept = requests.isKnownByUrl ? secrets.withhold(request.address) : undefined;
    const validator = kept === undefined ? undefined : known.get(kept);
    try {
      const conditional = { ...request, headers: { ...request.headers, ...conditionsOf(validator) } };
      const answer = await client.send(conditional, cookies, signal);
      return answer.status === 304 && validator !== undefined
        ? this.#unchanged(answer, request, page, validator, run)
        : this.#found(answer, request, page, kept, progress, run);
    } catch (error) {
      throw signal.aborted ? error : this.#named(request, progress, run.pager, error);
    }
  }

  /** What the API says of the next page now counts more than what it said when the body was last read. */
  #unchanged(answer: Answer, request: HttpRequest, page: PageAddress, validator: PageValidator, run: Run): Fetched {
    const { secrets } = this.#options;
    const { link } = answer.headers;
    const told = { body: undefined, records: [], link, asked: request.address, more: undefined };
    const remembered = validator.next === undefined ? undefined : keptAddress(validator.next, secrets);
    const next = run.pager.isByHeader && link !== undefined ? run.pager.next(page, told) : remembered;
    const { next: _before, ...known } = validator;
    const following = next === undefined ? undefined : keepAddress(next, secrets);
    return {
      ...timesOf(answer),
      request,
      records: [],
      notModified: true,
      // Without the page that follows, a 304 would be taken for the end.
      validator: next === undefined ? known : following === undefined ? undefined : { ...known, next: following },
      next,
      dead: undefined,
    };
  }

  #found(
    answer: Answer,
    request: HttpRequest,
    page: PageAddress,
    kept: string | undefined,
    progress: Progress,
    { pager, ends, addContext }: Run,
  ): Fetched {
    const { format, secrets } = this.#options;
    const { maxRetryAfter } = this.#endpoint.config;
    const reading: Reading = { format, maxRetryAfter, conceal: (text) => secrets.conceal(text) };
    const number = progress.pages + 1;
    const { paging } = this.#endpoint.config;
    const common = { ...timesOf(answer), request, notModified: false };
    if (number > 1 && 'endStatus' in paging && paging.endStatus.includes(answer.status)) {
      return { ...common, records: [], validator: undefined, next: undefined, dead: undefined };
    }
    const { body, records: found, doubts = [] } = findPage(answer, reading);
    const records = addContext === undefined ? found : found.map(addContext);
    for (const doubt of [...(answer.doubt === undefined ? [] : [answer.doubt]), ...doubts]) {
      this.#tellOnce(request, number, doubt, doubt.replace(/: .*/s, ''));
    }
    const told = { body, records, link: answer.headers.link, asked: request.address };
    let next: PageAddress | undefined;
    let dead: FatalError | undefined;
    try {
      next = ends.next(page, told, progress, wholeOf(answer));
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      dead = this.#named(request, progress, pager, error) as FatalError;
    }
    // The pages end here by the settings, and the body may say otherwise in a way that the settings do not name.
    const doubt = next === undefined && dead === undefined && saysMorePages(body, number) ? MORE_SAID : undefined;
    if (doubt !== undefined) this.#tellOnce(request, number, doubt);
    const following = next === undefined ? undefined : keepAddress(next, secrets);
    const isKept = kept !== undefined && (next === undefined || following !== undefined);
    const validator = isKept ? validatorOf(kept, answer.headers, following) : undefined;
    return { ...common, records, doubt, validator, next, dead };
  }

  /** @param kind the same for all doubts of which one is enough */
  #tellOnce(request: HttpRequest, number: number, doubt: string, kind = doubt): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#options.onDoubt(`${this.where(request, number)}: ${this.#options.secrets.conceal(doubt)}`);
  }

  /** Which page of which endpoint, and its URL without secrets. */
  where({ method, address }: HttpRequest, number: number): string {
    return `${this.#endpoint.id}: page ${number}, ${method} ${this.#options.secrets.place(address)}`;
  }

  /** The same error, saying where it happened. */
  #named(request: HttpRequest, { pages }: Progress, pager: Pager, cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    const hint = pager.counted === 'always' && pages > 0 && /^http_4/.test(cause.code) ? PAST_THE_END : '';
    const said = this.#options.secrets.concealForeign(cause.message);
    const message = `${this.where(request, pages + 1)}: ${said}${hint}`;
    // Whoever shows an error shows its cause too.
    const options = said === cause.message ? { cause } : {};
    if (cause instanceof FatalError) return new FatalError(cause.code, message, options);
    return new RetryableError(cause.code, message, { ...options, notBefore: cause.notBefore });
  }
}

/** Failures of the way to an answer, or of a server in trouble. What else fails is in the answer, and mostly comes again. */
const OF_THE_WAY = /^(network|timeout|http_|rate_limited|token_|lease_)/;

/** The rate limit that another endpoint met. */
function heldFault(until: number): RetryableError {
  const message = `not asked: the server asks all requests with these credentials to wait until ${new Date(until).toISOString()}`;
  return new RetryableError('rate_limited', message, { notBefore: until });
}

/** What is noted of every page. */
const timesOf = ({ arrivedAt, headers }: Answer) => ({
  fetchedAt: arrivedAt,
  serverTime: timeOf(headers.date),
  counted: false,
});

const MORE_SAID = 'the body says that more pages follow, and paging does not find them; look at the paging settings';

const PAST_THE_END =
  '. If that is how this API says that there are no more pages, name the status in endStatus, or poll it with paging of type link, next-url or cursor';

function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}
