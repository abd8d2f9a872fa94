/**
 * Finds the end of numbered pages where the API answers every page after the last with the last one again (json-server 1
 * does). A repeat is recognised by the number of records and by the first and the last record. One repeat proves nothing: if
 * a page's worth of records was inserted before it, the page just read moves to the next number. So one more page is asked
 * for.
 */
export class RepeatCheck {
  readonly #looks: boolean;
  #pages = 0;
  #previous = '';
  #repeats = 0;

  /** @param looks whether repeats are to be looked for */
  constructor(looks: boolean) {
    this.#looks = looks;
  }

  /** How many pages in a row, this one included, repeat the page before. To be called once for each page. */
  repeats(records: readonly unknown[]): number {
    if (!this.#looks || records.length === 0) return 0;
    this.#pages += 1;
    const fingerprint = `${records.length} ${JSON.stringify([records[0], records.at(-1)])}`;
    this.#repeats = fingerprint === this.#previous ? this.#repeats + 1 : 0;
    this.#previous = fingerprint;
    return this.#repeats;
  }

  /**
   * Whether the first page itself came again: then nothing tells an API with a single page, which gives its last page for
   * every number, from one that does not know the paging parameter, and has more.
   */
  get isOfTheFirst(): boolean {
    return this.#pages === this.#repeats + 1;
  }
}
