/**
 * Finds the end of numbered pages where the API answers every page after the last with the last one again (json-server 1
 * does). A repeat is recognised by the number of records and by the first and the last record. One repeat proves nothing: if
 * a page's worth of records was inserted before it, the page just read moves to the next number. So one more page is asked
 * for.
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

  /** How many pages in a row, this one included, repeat the page before. To be called once for each page. */
  repeats(records: readonly unknown[]): number {
    if (this.#size === undefined || records.length === 0) return 0;
    this.#pages += 1;
    const fingerprint = `${records.length} ${JSON.stringify([records[0], records.at(-1)])}`;
    this.#repeats = fingerprint === this.#previous ? this.#repeats + 1 : 0;
    this.#previous = fingerprint;
    return this.#repeats;
  }

  /**
   * Whether the API may not know the paging parameter, and answers with its first page each time. That is possible if the
   * second and the third page repeat a full first page.
   */
  isDoubtful(records: readonly unknown[]): boolean {
    return this.#pages === 3 && records.length >= (this.#size ?? 0);
  }
}
