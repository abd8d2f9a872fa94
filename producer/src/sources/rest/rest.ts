import { type Clock, FatalError } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { Endpoint } from '../../endpoint.js';
import type { Page, PageRequest, Source, SourceEvents } from '../port.js';
import { Secrets } from './auth/secrets.js';
import { Client } from './client.js';
import { type Fetched, PageFetcher, type Run } from './fetch-page.js';
import { firstRequest, type RequestValues } from './first-request.js';
import { createFormat } from './formats/kinds.js';
import type { Gate } from './gate.js';
import { isCounted } from './paging/counted.js';
import { createPager } from './paging/kinds.js';
import { LoopGuard } from './paging/loop-guard.js';
import { RepeatCheck } from './paging/repeat-check.js';
import type { HttpRequest } from './request.js';
import { validatorsByUrl } from './validators.js';

export interface RestOptions extends SourceEvents {
  /** Whose connections are used; closed by the caller that made it. */
  readonly dispatcher: Dispatcher;
  /** Holds the requests of all endpoints together to the limits. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** A REST API, polled as the endpoint's settings say. */
export class RestSource implements Source {
  readonly countsPages: boolean;
  readonly #endpoint: Endpoint;
  readonly #onDoubt: (message: string) => void;
  readonly #firstRequest: (values: RequestValues) => HttpRequest;
  readonly #fetcher: PageFetcher;
  /**
   * The last run failed, so validators are not used: they name the page that follows a 304, and that page may not exist
   * any more.
   */
  #lastRunFailed = false;

  constructor(endpoint: Endpoint, options: RestOptions) {
    const { clock, random, onRetry, onDoubt } = options;
    const { config } = endpoint;
    const secrets = new Secrets(config);
    const client = new Client(config, secrets, options);
    const format = createFormat(config);
    this.countsPages = createPager(config.paging).counted !== 'never';
    this.#endpoint = endpoint;
    this.#onDoubt = onDoubt;
    this.#firstRequest = firstRequest(config, format.accept);
    this.#fetcher = new PageFetcher(endpoint, { client, format, secrets, clock, random, onRetry });
  }

  async *pages({ since, validators, trial = false, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { paging, maxPages } = this.#endpoint.config;
    const known = validatorsByUrl(this.#lastRunFailed ? [] : validators);
    this.#lastRunFailed = true;
    const pager = createPager(paging);
    const run: Run = { pager, known, trial, signal };
    const repeats = new RepeatCheck(pager.repeatedSize);
    let request: HttpRequest | undefined = pager.first(this.#firstRequest({ since }));
    const loop = new LoopGuard(request);

    let previous: HttpRequest | undefined;
    // A page that repeats the one before may mean the end. It is held back until the next page shows whether it does.
    let held: Fetched | undefined;
    for (let number = 1; request !== undefined; number++) {
      if (number > maxPages) throw this.#fault(request, number, 'too_many_pages', TOO_MANY_PAGES);
      const fetched = await this.#fetcher.fetch(request, number, run);
      const page: Fetched = { ...fetched, counted: isCounted(pager.counted, previous, request) };
      const count = repeats.repeats(page.records);
      if (count > 1 && held !== undefined) {
        if (repeats.isDoubtful(page.records)) this.#onDoubt(`${this.#fetcher.where(request, number)}: ${SAME_PAGE}`);
        yield endOf(held);
        break;
      }
      if (held !== undefined) yield held;
      held = count === 1 && page.next !== undefined ? page : undefined;
      if (held === undefined) yield page;
      if (page.next !== undefined && loop.isLoop(request, page.next)) {
        throw this.#fault(request, number, 'paging_loops', PAGING_LOOPS);
      }
      previous = request;
      request = page.next;
    }
    this.#lastRunFailed = false;
  }

  #fault(request: HttpRequest, number: number, code: string, message: string): FatalError {
    return new FatalError(code, `${this.#fetcher.where(request, number)}: ${message}`);
  }
}

const TOO_MANY_PAGES = 'more pages than maxPages allows; raise it, or ask for larger pages';
const PAGING_LOOPS = 'the page leads back to one already read, its cursor does not move; look at the paging settings';
const SAME_PAGE =
  'is the same as page 1. If there is more, the API does not know the paging parameter; look at the paging settings';

/**
 * The page after the last, where the API repeats the last one. It is remembered as the end, so that the next run ends there
 * too when the API answers 304.
 */
function endOf({ next: _next, validator, ...page }: Fetched): Page {
  if (validator === undefined) return { ...page, validator, records: [] };
  const { next: _following, ...last } = validator;
  return { ...page, validator: last, records: [] };
}
