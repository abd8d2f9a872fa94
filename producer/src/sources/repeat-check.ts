import type { PagingConfig } from '@tributary/shared';

/**
 * Where pages are counted by us, an API may answer the page after the last with the last one again (json-server 1 does),
 * for ever. This finds that page, by its length and its first and last record.
 */
export class RepeatCheck {
  readonly #size: number | undefined;
  #pages = 0;
  #previous = '';

  constructor(paging: PagingConfig) {
    this.#size = paging.type === 'page' || paging.type === 'offset' ? paging.size : undefined;
  }

  /** Whether these are the records of the page before. To be called once for each page with a body. */
  isRepeat(records: readonly unknown[]): boolean {
    if (this.#size === undefined || records.length === 0) return false;
    this.#pages += 1;
    const fingerprint = `${records.length} ${JSON.stringify([records[0], records.at(-1)])}`;
    const repeat = fingerprint === this.#previous;
    this.#previous = fingerprint;
    return repeat;
  }

  /**
   * Whether the repeat may mean that the API does not know the paging parameter, and gave its first page twice: that is
   * when the second page, after a full first one, is the same.
   */
  isDoubtful(records: readonly unknown[]): boolean {
    return this.#pages === 2 && records.length >= (this.#size ?? 0);
  }
}
