/**
 * Where pages are counted by us, an API may answer the page after the last with the last one again (json-server 1 does),
 * for ever. This finds that page, by its length and its first and last record. One repeat proves nothing: a page's worth
 * of records that came in before it pushes the page just read onto the next. So one more page is asked for.
 */
export class RepeatCheck {
  readonly #size: number | undefined;
  #pages = 0;
  #previous = '';
  #repeats = 0;

  /** @param size the number of records asked for on a page; undefined if repeats are not to be looked for */
  constructor(size: number | undefined) {
    this.#size = size;
  }

  /** How many pages in a row, this one included, repeat the one before them. To be called once for each page with a body. */
  repeats(records: readonly unknown[]): number {
    if (this.#size === undefined || records.length === 0) return 0;
    this.#pages += 1;
    const fingerprint = `${records.length} ${JSON.stringify([records[0], records.at(-1)])}`;
    this.#repeats = fingerprint === this.#previous ? this.#repeats + 1 : 0;
    this.#previous = fingerprint;
    return this.#repeats;
  }

  /**
   * Whether the repeats may mean that the API does not know the paging parameter, and gave its first page each time: that
   * is when the second and third page, after a full first one, are the same.
   */
  isDoubtful(records: readonly unknown[]): boolean {
    return this.#pages === 3 && records.length >= (this.#size ?? 0);
  }
}
