import { type Clock, FatalError } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { Endpoint } from '../../endpoint.js';
import type { Page, PageRequest, Source } from '../port.js';
import { Client, type Exchange } from './client.js';
import { type Fetched, PageFetcher, type Run } from './fetch-page.js';
import type { Gate } from './gate.js';
import { LoopGuard } from './paging/loop-guard.js';
import { createPager, isCounted, mayCount } from './paging/paging.js';
import { RepeatCheck } from './paging/repeat-check.js';
import { Requests } from './requests.js';

export interface RestOptions {
  /** Whose connections are used; closed by whoever made it. */
  readonly dispatcher: Dispatcher;
  /** What all endpoints together ask of the world at a time. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  /** Told of each failed attempt that is followed by another. */
  onRetry(code: string, reason: string): void;
  /** Told what a person should look at, though the run goes on. */
  onDoubt(message: string): void;
  /** Told of each request that was answered. */
  onExchange?(exchange: Exchange): void;
}

/** A REST API that answers with JSON, polled as the endpoint's settings say. */
export class RestSource implements Source {
  readonly countsPages: boolean;
  readonly #endpoint: Endpoint;
  readonly #onDoubt: (message: string) => void;
  readonly #requests: Requests;
  readonly #fetcher: PageFetcher;
  /** A page remembered as following a 304 may be gone by now; after a failed run nothing remembered is relied on. */
  #lastRunFailed = false;

  constructor(endpoint: Endpoint, options: RestOptions) {
    const { clock, random, onRetry, onDoubt } = options;
    const requests = new Requests(endpoint);
    const client = new Client(endpoint.config, requests.secrets, options);
    this.countsPages = mayCount(endpoint.config.paging);
    this.#endpoint = endpoint;
    this.#onDoubt = onDoubt;
    this.#requests = requests;
    this.#fetcher = new PageFetcher(endpoint, { client, requests, clock, random, onRetry });
  }

  async *pages({ since, validators, trial = false, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { paging, maxPages } = this.#endpoint.config;
    const known = new Map((this.#lastRunFailed ? [] : validators).map((validator) => [validator.url, validator]));
    this.#lastRunFailed = true;
    const run: Run = { pager: createPager(paging), known, trial, signal };
    const repeats = new RepeatCheck(paging);
    let url: URL | undefined = run.pager.first(this.#requests.start(since));
    const loop = new LoopGuard(url);

    let previous: URL | undefined;
    // A page that repeats the one before may be the end. It is held back until the page after it has told.
    let held: Fetched | undefined;
    for (let number = 1; url !== undefined; number++) {
      if (number > maxPages) throw this.#fault(url, number, 'too_many_pages', TOO_MANY_PAGES);
      const fetched = await this.#fetcher.fetch(url, number, run);
      const page: Fetched = { ...fetched, counted: isCounted(paging, previous, url) };
      const count = repeats.repeats(page.records);
      if (count > 1 && held !== undefined) {
        if (repeats.isDoubtful(page.records)) this.#onDoubt(`${this.#fetcher.where(url, number)}: ${SAME_PAGE}`);
        yield endOf(held);
        break;
      }
      if (held !== undefined) yield held;
      held = count === 1 && page.next !== undefined ? page : undefined;
      if (held === undefined) yield page;
      if (page.next !== undefined && loop.isLoop(url, page.next)) {
        throw this.#fault(url, number, 'paging_loops', PAGING_LOOPS);
      }
      previous = url;
      url = page.next;
    }
    this.#lastRunFailed = false;
  }

  #fault(url: URL, number: number, code: string, message: string): FatalError {
    return new FatalError(code, `${this.#fetcher.where(url, number)}: ${message}`);
  }
}

const TOO_MANY_PAGES = 'more pages than maxPages allows; raise it, or ask for larger pages';
const PAGING_LOOPS = 'the page leads back to one already read, its cursor does not move; look at the paging settings';
const SAME_PAGE =
  'is the same as page 1. If there is more, the API does not know the paging parameter; look at the paging settings';

/** The page after the last, where the API repeats the last one: it is remembered as the end, so that a 304 ends it too. */
function endOf({ next: _next, validator, ...page }: Fetched): Page {
  if (validator === undefined) return { ...page, validator, records: [] };
  const { next: _following, ...last } = validator;
  return { ...page, validator: last, records: [] };
}
