import { describeError, systemClock } from '@tributary/shared';
import { until } from '../until.js';
import { COLLECTIONS, type CollectionName } from './mirror.js';

/** A record of the CRM, with the fields of its entity. */
export type CrmRecord = Readonly<Record<string, unknown>> & { readonly updatedAt: string };

/** What changed in one collection, in the order of the versions. */
export interface Changes {
  readonly collection: CollectionName;
  readonly records: readonly CrmRecord[];
  /** Keys of records that are there no more. */
  readonly gone: readonly string[];
}

export interface FollowerOptions {
  readonly api: string;
  /**
   * Brings changes into the place, so that they are durable there. After a failure it is called again with the same ones, as often as needed,
   * and nothing else is written before.
   */
  write(changes: Changes): Promise<void>;
  readonly signal: AbortSignal;
}

/** The field that names a record. */
export const KEYS: Readonly<Record<CollectionName, string>> = { customers: 'id', products: 'sku' };

/** Milliseconds from one look at the CRM to the next, and from one attempt to write to the next. */
const EVERY = 100;
/** Records of an answer. */
const PAGE = 500;
/** Milliseconds for an answer. */
const ANSWER = 10_000;
/** Milliseconds until everything has been followed; what takes longer hangs. */
const PATIENCE = 240_000;

/**
 * Follows the mock CRM. Each state that it reads is written before anything is read again, and pages come in the order of the versions: so the
 * place holds, at every moment, all changes up to some version and none that is later.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** By collection and key, what the place holds. */
  readonly #written: Readonly<Record<CollectionName, Map<string, string>>> = {
    customers: new Map(),
    products: new Map(),
  };
  /** The newest version that the place holds of the customers. */
  #since = '';
  #rounds = 0;
  #lacks = 'it has not begun';
  #following: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  begin(): void {
    this.#following ??= this.#follow();
  }

  /** Resolves when the place holds all that the CRM has now. @throws Error saying what keeps it from that */
  async caughtUp(signal: AbortSignal): Promise<void> {
    // The round that goes on may have looked already.
    const enough = this.#rounds + 2;
    const lacks = async () => (this.#rounds >= enough ? undefined : this.#lacks);
    await until('the other place holds what the CRM has', lacks, { timeout: PATIENCE, signal });
  }

  /** Resolves when nothing is written any more. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        for (const collection of COLLECTIONS) await this.#round(collection);
        this.#rounds++;
        this.#lacks = 'a round goes on';
      } catch (error) {
        this.#lacks = describeError(error);
      }
      await systemClock.sleep(EVERY, this.#signal);
    }
  }

  /** Customers are never removed, so what is new is enough; products are removed, and only a walk over all of them tells. */
  async #round(collection: CollectionName): Promise<void> {
    const written = this.#written[collection];
    const isWhole = collection === 'products';
    const left = new Set(isWhole ? written.keys() : []);
    for await (const page of this.#pages(collection, isWhole ? '' : this.#since)) {
      const texts = page.map((record) => [String(record[KEYS[collection]]), JSON.stringify(record), record] as const);
      for (const [key] of texts) left.delete(key);
      const changed = texts.filter(([key, text]) => written.get(key) !== text);
      await this.#write({ collection, records: changed.map(([, , record]) => record), gone: [] });
      for (const [key, text] of changed) written.set(key, text);
      if (!isWhole) this.#since = page.at(-1)?.updatedAt ?? this.#since;
    }
    await this.#write({ collection, records: [], gone: [...left] });
    for (const key of left) written.delete(key);
  }

  async *#pages(collection: CollectionName, since: string): AsyncGenerator<readonly CrmRecord[]> {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (since !== '') query.set('updated_since', since);
    for (;;) {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER)]);
      const response = await fetch(`${this.#options.api}/${collection}?${query}`, { signal });
      if (!response.ok) throw new Error(`the CRM answers ${response.status}`);
      const { data, nextCursor } = (await response.json()) as { data: CrmRecord[]; nextCursor: string | null };
      yield data;
      if (nextCursor === null) return;
      query.set('cursor', nextCursor);
    }
  }

  async #write(changes: Changes): Promise<void> {
    if (changes.records.length + changes.gone.length === 0) return;
    for (;;) {
      try {
        return await this.#options.write(changes);
      } catch (error) {
        this.#lacks = describeError(error);
        this.#signal.throwIfAborted();
        await systemClock.sleep(EVERY, this.#signal);
      }
    }
  }
}
