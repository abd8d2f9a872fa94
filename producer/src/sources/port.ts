/**
 * What a source is to be reminded of at the next run: what the API said of a page when it was last read, say. It is JSON, it
 * is kept with the cursor, and only the source that made it looks into it.
 */
export type Validator = object;

/** One page of an endpoint's records. */
export interface Page {
  /** The records as the API sent them, not yet judged; empty when nothing changed. */
  readonly records: readonly unknown[];
  /** When the response that held them had arrived whole, in milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** The API's own clock at that time, in milliseconds since the epoch; undefined if it does not tell. */
  readonly serverTime: number | undefined;
  /** The API said that this page is what it was (304). */
  readonly notModified: boolean;
  /**
   * The page was found by its number or offset, so that a record may have slid from it onto an earlier page while that was
   * read. A page found by a cursor does not move.
   */
  readonly counted: boolean;
  /** What to ask with next time; undefined if the API gives nothing to ask with. */
  readonly validator: Validator | undefined;
}

export interface PageRequest {
  /** Only what changed since; undefined for everything. */
  readonly since: string | undefined;
  /** What the last complete run was told of each URL. */
  readonly validators: readonly Validator[];
  /** The first request is made once and not tried again: the API failed until now. */
  readonly trial?: boolean;
  /** Aborts the request in flight, and every wait. */
  readonly signal: AbortSignal;
}

/**
 * Where records come from. A source belongs to one endpoint and is read by one run at a time; what it holds in memory is
 * one page. It tries again what may succeed, within the endpoint's settings.
 */
export interface Source {
  /** Whether any of its pages may be found by its number (see {@link Page.counted}). */
  readonly countsPages: boolean;
  /**
   * The pages, in order, each fetched when it is asked for.
   *
   * @throws RetryableError if the API did not answer as it should, though asked as often as the settings allow
   * @throws FatalError if a person has to change something: the address, the credentials, the paging
   * @throws the signal's reason once it has aborted
   */
  pages(request: PageRequest): AsyncGenerator<Page, void, undefined>;
}

/** One request that was answered, in words for a person, without secrets. */
export interface Exchange {
  /** What was asked, such as `GET https://api.example.org/customers`. */
  readonly asked: string;
  /** What came of it, such as `200, 1024 characters`. */
  readonly answered: string;
  readonly milliseconds: number;
}

/** What a source tells while it is read. */
export interface SourceEvents {
  /** A request failed, and is tried again. */
  onRetry(code: string, reason: string): void;
  /** A person should look at something, though the run goes on. */
  onDoubt(message: string): void;
  onExchange?(exchange: Exchange): void;
}
