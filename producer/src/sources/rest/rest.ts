import { type Clock, FatalError } from '@tributary/shared';
import type { Dispatcher } from 'undici';
import type { EndpointFrom } from '../../endpoint.js';
import { contextAdder } from '../context.js';
import { chosenOf } from '../fillings.js';
import type { Gate } from '../gate.js';
import type { Page, PageRequest, Source, SourceEvents } from '../port.js';
import { Secrets } from './auth/secrets.js';
import type { TokenStores } from './auth/token-store.js';
import { Client, type ClientOptions } from './client.js';
import { Cookies } from './cookies.js';
import { type Fetched, PageFetcher, type Run } from './fetch-page.js';
import { createFormat } from './formats/kinds.js';
import { isCounted } from './paging/counted.js';
import { Ends } from './paging/ends.js';
import { createPager } from './paging/kinds.js';
import { LoopGuard } from './paging/loop-guard.js';
import type { PageAddress } from './paging/pager.js';
import { RepeatCheck } from './paging/repeat-check.js';
import type { Pauses } from './pauses.js';
import type { Proxies } from './proxies.js';
import type { HttpRequest } from './request/http-request.js';
import { Requests } from './request/requests.js';
import { validatorsByUrl } from './validators.js';

export interface RestOptions extends SourceEvents {
  /** Whose connections are used; closed by the caller that made it. */
  readonly dispatcher: Dispatcher;
  /** The proxies that the dispatcher goes by; none unless given. */
  readonly proxies?: Proxies | undefined;
  /** Holds the requests of all endpoints together to the limits. */
  readonly gate: Gate;
  /** Shared by all endpoints too: until when APIs ask not to be asked. */
  readonly pauses: Pauses;
  /** Where the tokens are kept that servers give. */
  readonly tokens: TokenStores;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
  readonly exchange?: ClientOptions['exchange'];
}

/** A REST API, polled as the endpoint's settings say. */
export class RestSource implements Source {
  readonly countsPages: boolean;
  readonly #endpoint: EndpointFrom<'rest'>;
  readonly #onDoubt: (message: string) => void;
  readonly #fetcher: PageFetcher;
  /**
   * The last run failed, so validators are not used: they name the page that follows a 304, and that page may not exist
   * any more.
   */
  #lastRunFailed = false;

  constructor(endpoint: EndpointFrom<'rest'>, options: RestOptions) {
    const { clock, random, onRetry, onSettled, onPause, onDoubt } = options;
    const { config } = endpoint;
    const secrets = new Secrets(config);
    const client = new Client(config, secrets, options);
    const format = createFormat(config);
    const requests = new Requests(config, format.accept, endpoint.parentUrl);
    this.countsPages = createPager(config.paging).counted !== 'never';
    this.#endpoint = endpoint;
    this.#onDoubt = onDoubt;
    this.#fetcher = new PageFetcher(endpoint, {
      client,
      requests,
      format,
      secrets,
      clock,
      random,
      onRetry,
      onDoubt,
      ...(onSettled === undefined ? {} : { onSettled }),
      ...(onPause === undefined ? {} : { onPause }),
    });
  }

  async *pages({
    validators,
    trial = false,
    attended = false,
    signal,
    ...asked
  }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { paging, maxPages } = this.#endpoint.config;
    const known = validatorsByUrl(this.#lastRunFailed ? [] : validators);
    this.#lastRunFailed = true;
    const pager = createPager(paging);
    const run: Run = {
      asked,
      pager,
      ends: new Ends(paging, pager),
      known,
      cookies: new Cookies(),
      addContext: contextAdder(asked.variables?.parent, chosenOf(this.#endpoint.config)),
      trial,
      attended,
      signal,
    };
    const repeats = new RepeatCheck(pager.mayRepeat);
    const loop = new LoopGuard(pager.first);
    const progress = { pages: 0, records: 0, emptyInARow: 0, isUnchangedInPart: false };

    let previous: HttpRequest | undefined;
    // A page that repeats the one before may mean the end. It is held back until the next page shows whether it does.
    let held: Fetched | undefined;
    for (let address: PageAddress | undefined = pager.first; address !== undefined; ) {
      const fetched = await this.#fetcher.fetch(address, progress, run);
      const { request, records, next, dead } = fetched;
      progress.pages += 1;
      progress.records += records.length;
      progress.emptyInARow = records.length === 0 ? progress.emptyInARow + 1 : 0;
      progress.isUnchangedInPart ||= fetched.notModified;
      const page: Fetched = { ...fetched, counted: isCounted(pager.counted, previous?.address, request.address) };
      const count = repeats.repeats(records);
      if (count > 1 && held !== undefined) {
        if (repeats.isOfTheFirst) this.#onDoubt(`${this.#fetcher.where(request, progress.pages)}: ${FIRST_PAGE_AGAIN}`);
        yield { ...endOf(held), doubt: repeats.isOfTheFirst ? `a page ${FIRST_PAGE_AGAIN}` : undefined };
        break;
      }
      if (held !== undefined) yield held;
      held = count === 1 && next !== undefined ? page : undefined;
      if (held === undefined) yield page;
      if (dead !== undefined) throw dead;
      if (next !== undefined && loop.isLoop(address, next)) {
        throw this.#fault(request, progress.pages, 'paging_loops', PAGING_LOOPS);
      }
      if (next !== undefined && progress.pages >= maxPages) {
        throw this.#fault(request, progress.pages, 'too_many_pages', TOO_MANY_PAGES);
      }
      previous = request;
      address = next;
    }
    this.#lastRunFailed = false;
  }

  #fault(request: HttpRequest, number: number, code: string, message: string): FatalError {
    return new FatalError(code, `${this.#fetcher.where(request, number)}: ${message}`);
  }
}

const TOO_MANY_PAGES = 'more pages than maxPages allows follow; raise it, or ask for larger pages';
const PAGING_LOOPS = 'the page leads back to one already read, its cursor does not move; look at the paging settings';
const FIRST_PAGE_AGAIN =
  'is the same as page 1. If there is more, the API does not know the paging parameter; look at the paging settings';
/** The page after the last, where the API repeats the last one: it is remembered as the end, so that a 304 ends it too. */
function endOf({ validator, ...page }: Fetched): Page {
  if (validator === undefined) return { ...page, validator, records: [] };
  const { next: _following, ...last } = validator;
  return { ...page, validator: last, records: [] };
}
