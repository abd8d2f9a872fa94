import type { Cursor } from '../cursor/cursor.js';
import type { KnownKey, KnownKeys } from '../cursor/known-keys.js';
import type { Endpoint } from '../endpoint.js';
import type { OutgoingMessage } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import { Tombstones } from '../shape/tombstones.js';
import type { Page } from '../sources/port.js';
import { KeyWatch, type Missing } from './key-watch.js';
import { mayBeCut } from './limits.js';
import type { MissingNews } from './missing-news.js';
import { directly, heard, type Outgoing } from './outgoing.js';
import type { PollProgress } from './progress.js';
import { MAX_WALKS } from './walks.js';

export interface DeletionsOptions {
  readonly endpoint: Endpoint;
  /** The number of the run. */
  readonly run: number;
  /** The cursor of the run before. */
  readonly saved: Cursor;
  /** Whether the run reads everything; otherwise keys are noted, and none is missing. */
  readonly isFull: boolean;
  /** Whether any page of the endpoint or of its children may be found by its number (see Page.counted). */
  readonly countsPages: boolean;
  readonly known: KnownKeys;
  readonly news: MissingNews;
  readonly messages: Pick<PublishRun, 'publish' | 'flush'>;
  messageMakerOf(endpoint: Endpoint): (record: unknown, fetchedAt: number) => OutgoingMessage;
  progressOf(endpoint: Endpoint): PollProgress;
}

/** What `deletes.atMost` is unless it is given. */
const USUAL_SHARE = 0.2;

/**
 * What a run deletes because its walk did not bring it: of the endpoint, and of its children, as `deletes.missing` says. A key
 * gets a tombstone with the version under which it came last, and a message id of the end of the walk: newer than the record that
 * is gone, and older than the same record should it come back, also with the version that it had.
 *
 * Nothing is deleted unless the walk is known to be complete. A walk that failed ends the run. Where pages are counted, two walks
 * in a row have to agree, but only if something is missing. Where only some pages were unchanged (304), they are read again. Where
 * anything says that there may be more, or where more is missing than `deletes.atMost`, nothing is deleted, and that is told.
 */
export class Deletions {
  readonly #options: DeletionsOptions;
  readonly #watches: readonly KeyWatch[];
  readonly #direct: Outgoing;
  #facts: WalkFacts;
  #walks = 0;
  #digest: string | undefined;
  #agrees = false;
  #missing = new Map<KeyWatch, Missing>();
  /** By endpoint: its records without a key that are only counted. */
  #leftOut = new Map<string, number>();

  constructor(options: DeletionsOptions) {
    const { endpoint, run, known, messages, countsPages } = options;
    this.#options = options;
    this.#facts = new WalkFacts(options.saved);
    this.#direct = directly(messages);
    this.#watches = familyOf(endpoint)
      .filter(isWatched)
      .map((one) => new KeyWatch(one, known.open(one.id, run, one.keyKind, endpoint.id), messages, countsPages));
  }

  /** Where the messages of an endpoint go. */
  outgoing({ id, sharesEntityWith }: Endpoint): Outgoing {
    const watch = this.#watches.find(({ endpoint }) => endpoint.id === id);
    if (watch !== undefined) return watch;
    return sharesEntityWith.length === 0 ? this.#direct : heard(this.#direct, this.#options.known, sharesEntityWith);
  }

  /** A walk begins. */
  async begin(): Promise<void> {
    this.#facts = new WalkFacts(this.#options.saved);
    this.#missing = new Map();
    this.#leftOut = new Map();
    for (const watch of this.#watches) await watch.begin();
  }

  /** A record without a key is not published, as `badRecords: count` says. It may be one that seems to be missing, or its parent. */
  leavesOut(endpoint: Endpoint): void {
    if (!familyOf(endpoint).some(isWatched)) return;
    this.#leftOut.set(endpoint.id, (this.#leftOut.get(endpoint.id) ?? 0) + 1);
  }

  page(endpoint: Endpoint, page: Page): void {
    this.#facts.page(endpoint, page);
  }

  /** The walk is over. */
  end(): void {
    const digest = this.#watches.map((watch) => watch.digest()).join(',');
    this.#agrees = digest === this.#digest;
    this.#digest = digest;
    this.#walks += 1;
  }

  /** Whether the run has to walk once more, to be sure of what is missing. The next walk asks for every page, changed or not. */
  async again(): Promise<boolean> {
    const { isUnchanged, isUnchangedInPart, mayHaveMissed } = this.#facts;
    if (!this.#options.isFull || this.#watches.length === 0 || isUnchanged || this.#walks >= MAX_WALKS) return false;
    if (isUnchangedInPart) return true;
    return mayHaveMissed && !this.#agrees && (await this.#missesAny());
  }

  /**
   * Publishes the tombstones, awaits their confirms, and buries the keys.
   *
   * @param isSettled whether the walks of the run agree, where they have to
   * @param reached the cursor that the run has reached
   * @returns the cursor to save
   */
  async publish(isSettled: boolean, reached: Cursor): Promise<Cursor> {
    if (this.#watches.length === 0) return reached;
    const { isFull, saved } = this.#options;
    const { isUnchanged, answers } = this.#facts;
    // Where nothing has changed, nothing has gone.
    if (!isFull || isUnchanged) return withFacts(reached, saved, saved.compared);
    const isWithheld = await this.#publishAll(isSettled);
    // A 304 would say that nothing changed, and what is missing would not be looked at again; so would a place.
    const { place: _read, ...again } = reached;
    return withFacts(isWithheld ? { ...again, validators: [] } : reached, answers, !isWithheld || saved.compared);
  }

  /** The cursor of before is void, so tombstones may be lost with what made it so. */
  get #evenBuried(): boolean {
    return this.#options.saved.compared !== true;
  }

  /** @returns whether something is missing and was neither deleted nor left to another endpoint */
  async #publishAll(isSettled: boolean): Promise<boolean> {
    let isWithheld = false;
    for (const watch of this.#watches) {
      const { live, moved, marked } = await this.#missingOf(watch);
      const progress = this.#options.progressOf(watch.endpoint);
      const reason = live + moved === 0 ? undefined : (this.#doubt(isSettled) ?? excessOf(watch, live));
      const notDeleted = reason === undefined || live === 0 ? undefined : { records: live, reason };
      progress.withholds(notDeleted);
      this.#options.news.tell(watch.endpoint.id, this.#options.run, notDeleted);
      isWithheld ||= reason !== undefined;
      if (reason === undefined && live + moved + marked > 0) await this.#bury(watch, progress);
    }
    return isWithheld;
  }

  async #bury(watch: KeyWatch, progress: PollProgress): Promise<void> {
    const { messages, messageMakerOf } = this.#options;
    const { endpoint, keys } = watch;
    const tombstones = new Tombstones(endpoint.entity.config);
    const messageOf = messageMakerOf(endpoint);
    for await (const missing of keys.missing(this.#evenBuried)) {
      // Records that have no version, though their entity has one, died on their way: no row is theirs.
      const had = missing.filter(({ version }) => version !== '' || endpoint.entity.config.version === undefined);
      const gone = await keys.claim(had, endpoint.sharesEntityWith);
      for (const one of gone) {
        const record = tombstones.ofKey(one.key, one.version);
        const room = messages.publish(messageOf(record, this.#facts.fetchedAt));
        if (room !== undefined) await room;
      }
      await messages.flush();
      await keys.bury(missing);
      progress.deletes('missing', gone.filter(isLive).length);
    }
  }

  async #missesAny(): Promise<boolean> {
    for (const watch of this.#watches) {
      const { live, moved } = await this.#missingOf(watch);
      if (live + moved > 0) return true;
    }
    return false;
  }

  async #missingOf(watch: KeyWatch): Promise<Missing> {
    const missing = this.#missing.get(watch) ?? (await watch.missing(this.#evenBuried));
    this.#missing.set(watch, missing);
    return missing;
  }

  /** Why the walk may not have been over everything, in words; undefined if nothing says so. */
  #doubt(isSettled: boolean): string | undefined {
    const { doubt, isUnchangedInPart, mayHaveMissed } = this.#facts;
    if (doubt !== undefined) return doubt;
    if (isUnchangedInPart) return 'some pages were answered with 304, although they were asked for as a whole';
    if (!isSettled || (mayHaveMissed && !this.#agrees))
      return `the pages moved while they were read, ${MAX_WALKS} times`;
    const published = this.#watches.map(({ endpoint, keyless }) => [endpoint.id, keyless] as const);
    const [id, keyless] = [...this.#leftOut, ...published].find(([, count]) => count > 0) ?? [];
    if (id === undefined) return undefined;
    return `${keyless} records of ${id} came without a key, and may be those that seem to be missing; where leaves such records out`;
  }
}

type Answers = Pick<Cursor, 'answered' | 'most'>;

/** What is known of the pages of one walk. */
class WalkFacts {
  #pages = 0;
  #unchanged = 0;
  #counted = false;
  /** When the last page came. */
  fetchedAt = 0;
  doubt: string | undefined;
  #answered: number | undefined;
  readonly #before: Answers;

  constructor(before: Answers) {
    this.#before = before;
  }

  page(endpoint: Endpoint, { counted = false, notModified = false, doubt, fetchedAt, records }: Page): void {
    this.#pages += 1;
    if (notModified) this.#unchanged += 1;
    this.#counted ||= counted;
    this.fetchedAt = Math.max(this.fetchedAt, fetchedAt);
    this.doubt ??= doubt;
    const { cut, config } = endpoint;
    const { parent } = config;
    if (cut?.isOnePage === true && parent === undefined) this.#answered = records.length;
    if (mayBeCut(endpoint, records.length) && (parent !== undefined || this.#mayBeLimit(records.length))) {
      this.doubt ??= `an answer of ${endpoint.id} held ${records.length} records, and an API may have cut it there: the one before held as many, or none held more; set paging, so that what follows is read too`;
    }
  }

  /** An API does not cut at a length that an answer exceeded, unless it has begun to: then the one before has this length too. */
  #mayBeLimit(length: number): boolean {
    const { answered, most = answered ?? 0 } = this.#before;
    return answered === length || most <= length;
  }

  /** To be kept in the cursor. */
  get answers(): Answers {
    const { answered, most = answered ?? 0 } = this.#before;
    return this.#answered === undefined
      ? this.#before
      : { answered: this.#answered, most: Math.max(most, this.#answered) };
  }

  get isUnchanged(): boolean {
    return this.#unchanged === this.#pages;
  }

  get isUnchangedInPart(): boolean {
    return this.#unchanged > 0 && !this.isUnchanged;
  }

  /** As of a walk: see {@link Walk.mayHaveMissed}. */
  get mayHaveMissed(): boolean {
    return this.#counted && !this.isUnchanged;
  }
}

/** Why so many may not be deleted, in words; undefined if they may. */
function excessOf({ endpoint, earlier }: KeyWatch, missing: number): string | undefined {
  const atMost = endpoint.config.deletes?.atMost ?? USUAL_SHARE;
  if (atMost === 'all' || missing === 0) return undefined;
  const told = `${missing} of ${earlier + missing} records that earlier polls brought are missing`;
  if (earlier === 0) return `${told}, which is all of them (only deletes.atMost: all allows that)`;
  const isFew = missing <= atMost * (earlier + missing) || (missing === 1 && atMost > 0);
  return isFew ? undefined : `${told}, more than deletes.atMost allows (${Number((atMost * 100).toPrecision(12))} %)`;
}

const withFacts = (cursor: Cursor, { answered, most }: Answers, compared: boolean | undefined): Cursor => ({
  ...cursor,
  ...(answered === undefined ? {} : { answered }),
  ...(most === undefined ? {} : { most }),
  ...(compared === true ? { compared } : {}),
});

const isLive = ({ isMarked }: KnownKey): boolean => !isMarked;

const isWatched = ({ config }: Endpoint): boolean => config.deletes?.missing === true;

const familyOf = (endpoint: Endpoint): Endpoint[] => [endpoint, ...endpoint.children.flatMap(familyOf)];
