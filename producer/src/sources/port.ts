/**
 * What a source needs again at the next run, such as the ETag of a page. It is JSON and is kept with the cursor. Only the
 * source that made it reads it.
 */
export type Validator = object;

/**
 * How far a source has read that goes by its own account and not by versions, such as which files, and up to which byte. It is JSON and is
 * kept with the cursor. Only the source that made it reads it.
 */
export type Place = object;

/**
 * Where a raw record holds what is none of its own: the raw record of its parent, the chosen values of `for`, and what it lay in in
 * the body; of a webhook, what else was in the event, the headers of the request, and when it came; the file that it came from, the line
 * there, and when the file was changed.
 */
export const CONTEXT = {
  parent: '$parent',
  for: '$for',
  outer: '$outer',
  event: '$event',
  headers: '$headers',
  received: '$received',
  file: '$file',
  line: '$line',
  modified: '$modified',
} as const;

/** A run that has read nothing yet ends rather than wait for longer than this until it may ask, in milliseconds. */
export const LONGEST_IDLE_WAIT = 300_000;

/**
 * A piece of what a source reads that is no record, such as a line that cannot be parsed. It is published in the place of one, so that the
 * consumer dead-letters it.
 */
export class Unreadable {
  /** What is wrong with it, without its content: many may have the same fault. */
  readonly fault: string;
  /** What it is, as text: all of it, or its beginning. */
  readonly text: string;

  constructor(fault: string, text: string) {
    this.fault = fault;
    this.text = text;
  }
}

/** What became of a file, or of another piece that a source takes as a whole. */
export interface Input {
  readonly name: string;
  /** `read` to its end in this run; `refused`: it cannot be read, or was changed meanwhile; `waiting`: it is still being written. */
  readonly outcome: 'read' | 'refused' | 'waiting';
  readonly bytes?: number | undefined;
  /** SHA-256 of what was read, in hexadecimal digits. */
  readonly sha256?: string | undefined;
  /** Records in it, with the bad ones, also those that earlier runs read. */
  readonly records?: number | undefined;
  /** Pieces of it that are no record. */
  readonly bad?: number | undefined;
  /** Where the unchanged copy of it is. */
  readonly archived?: string | undefined;
  /** Why it was refused, or what was told of it. */
  readonly reason?: string | undefined;
}

/** One page of an endpoint's records. */
export interface Page {
  /** The records as they are there, not yet judged; empty when nothing changed. */
  readonly records: readonly unknown[];
  /** When the whole response had arrived, in milliseconds since the epoch. */
  readonly fetchedAt: number;
  /**
   * The other side's own clock at that time, in milliseconds since the epoch; undefined if it does not tell. No record that is written
   * later may have a version before it, but for what the overlap covers.
   */
  readonly serverTime: number | undefined;
  /**
   * The largest version that was there when the run began, where versions count; '' if there was none. The mark does not pass it: what
   * was not committed then is hardly before it, so that the overlap reaches it. Absent where a version is a time, which {@link serverTime} bounds.
   */
  readonly newest?: string | undefined;
  /** The other side said that this page has not changed, and sent no records; false unless given. */
  readonly notModified?: boolean;
  /**
   * The page was found by its number or offset, so a record may have moved from it to an earlier page that was read already.
   * Pages that are found by a cursor do not move. False unless given.
   */
  readonly counted?: boolean;
  /** What says that there may be more than the pages give, in words; absent if nothing does. Nothing counts as missing then. */
  readonly doubt?: string | undefined;
  /** What makes the next request for this page conditional; undefined if there is nothing for that. */
  readonly validator?: Validator | undefined;
  /**
   * How far the source has read when everything up to the end of this page is confirmed; it is saved then, and the next run gets it. Absent
   * where that is the place of the page before: to save costs a wait for the confirms, so a source gives a new one every few seconds.
   */
  readonly place?: Place | undefined;
  /** Where a record of the page came from, for its dead letter: `a.csv, line 17`. Absent where nothing but the endpoint tells. */
  readonly originOf?: ((index: number) => string) | undefined;
  /** What became of the files that the source was done with since the page before. */
  readonly inputs?: readonly Input[] | undefined;
}

export interface PageRequest {
  /** Only what changed since; undefined for everything. */
  readonly since?: string | number | undefined;
  /** Only what changed before; undefined for everything. */
  readonly until?: string | number | undefined;
  /** What else placeholders in the request name, such as `parent`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /** What the last complete run was told of each page. */
  readonly validators: readonly Validator[];
  /** How far earlier runs have read, for sources that go by a place; everything is read if it is undefined. */
  readonly place?: Place | undefined;
  /**
   * How far earlier runs had read when the broker lost some of it; everything is read then. What is gone by now and kept elsewhere should be
   * read there.
   */
  readonly lost?: Place | undefined;
  /** The other side failed until now: the first request is not tried again if it fails. */
  readonly trial?: boolean;
  /** A person waits for it: what fails by its content, and not by the way to it, is not tried again. */
  readonly attended?: boolean;
  /** Aborts the request in flight, and every wait. */
  readonly signal: AbortSignal;
}

/**
 * Where records come from. A source belongs to one endpoint, is read by one run at a time, and holds one page in memory.
 * It repeats requests that may succeed later, as often as the endpoint's settings allow.
 */
export interface Source {
  /** Whether any of its pages may be found by its number (see {@link Page.counted}). */
  readonly countsPages: boolean;
  /**
   * Whether the records of a run come in the order of their versions. What was read and confirmed need not be read again then if the
   * run dies: the cursor is saved on the way. False unless given.
   */
  readonly isInOrder?: boolean;
  /**
   * The pages, in order. Each is fetched when the caller asks for it.
   *
   * @throws RetryableError if the other side did not answer correctly, after as many attempts as the settings allow
   * @throws FatalError if a person has to change something: the address, the credentials, the paging
   * @throws the signal's reason once it has aborted
   */
  pages(request: PageRequest): AsyncGenerator<Page, void, undefined>;
  /** The place of the last page that had one is saved: all records up to there are confirmed. */
  saved?(signal: AbortSignal): Promise<void>;
  /**
   * What is there, for a person who sets the endpoint up. Absent where nothing tells but the records themselves.
   * @throws as `pages`
   */
  describe?(signal: AbortSignal): Promise<Description>;
}

/** A change of a record that a source follows. */
export type Change =
  /** There is such a record. */
  | { readonly kind: 'put'; readonly endpoint: string; readonly raw: unknown; readonly version: string }
  /** It is gone. @property raw what is known of it: its key */
  | { readonly kind: 'remove'; readonly endpoint: string; readonly raw: unknown; readonly version: string }
  /** All records of the endpoint are gone. */
  | { readonly kind: 'clear'; readonly endpoint: string; readonly version: string }
  /** The run has brought every record that there is: what it has not brought is gone. */
  | { readonly kind: 'compare'; readonly endpoint: string; readonly version: string };

/** Changes that are confirmed together. */
export interface ChangeBatch {
  /** In their order. */
  readonly changes: readonly Change[];
  /** As of {@link Page}. */
  readonly fetchedAt: number;
  /** How far the source has come with them. */
  readonly place: Place;
}

export interface FollowRequest {
  /** How far earlier runs have come; undefined for the beginning. */
  readonly place: Place | undefined;
  /** Whether every record is wanted again. */
  readonly isFull: boolean;
  /** Whether the run lasts for a while; otherwise it ends when everything is told that had happened when it began. */
  readonly isLasting: boolean;
  /** Whether records of an endpoint were ever brought: they may be gone by now. */
  knows(endpoint: string): Promise<boolean>;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/** A source that tells each change, in the order in which they happen. */
export interface FollowedSource extends Source {
  /**
   * The changes. When the caller asks for the next batch, all of the one before is confirmed by RabbitMQ and its place is saved: only then the other side may
   * forget it. The endpoints are that of the source and its members.
   * @throws as `pages`
   */
  follow(request: FollowRequest): AsyncGenerator<ChangeBatch, void, undefined>;
}

export const isFollowed = (source: Source): source is FollowedSource => 'follow' in source;

/** What a source reads, as the other side describes it. */
export interface Description {
  /** In words: `the table sales.orders`. */
  readonly name: string;
  readonly columns: readonly ColumnDescription[];
  /** The columns that name a row; empty if there is no key, or if nothing tells. */
  readonly key: readonly string[];
  /** How many rows there are, about; undefined if nothing tells. */
  readonly rows?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface ColumnDescription {
  readonly name: string;
  /** As the other side calls it. */
  readonly type: string;
  /** Whether it may hold nothing; undefined if nothing tells. */
  readonly nullable?: boolean | undefined;
}

/** Codes of errors by which the other side refuses who asks. Asking again could only lock the account. */
export const REFUSED: ReadonlySet<string> = new Set([
  // RFC 9110, sections 15.5.2 and 15.5.4.
  'http_401',
  'http_403',
  'token_refused',
  'database_refuses',
]);

/** Codes of errors by which the other side says that what was asked for is gone. */
export const GONE: ReadonlySet<string> = new Set(['http_404', 'http_410']);

/** One request that was answered, in words for a person, without secrets. */
export interface Exchange {
  /** The request, such as `GET https://api.example.org/customers`. */
  readonly asked: string;
  /** The answer, such as `200, 1024 characters`. */
  readonly answered: string;
  readonly milliseconds: number;
}

export interface NextAttempt {
  /** How often the request has failed. */
  readonly failed: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a source reports while it is read. */
export interface SourceEvents {
  /** A request failed and will be repeated. @param next how often it has failed, and when it is repeated */
  onRetry(code: string, reason: string, next: NextAttempt): void;
  /** A request that was repeated was answered, or is given up. */
  onSettled?(): void;
  /** The other side asks not to be asked before this time, in milliseconds since the epoch; the run waits for it. */
  onPause?(until: number): void;
  /** The run goes on, but a person should check the settings. */
  onDoubt(message: string): void;
  /** Something happened that a person should know, and that is dealt with: everything is read again, say. */
  onNews?(message: string): void;
  onExchange?(exchange: Exchange): void;
}
