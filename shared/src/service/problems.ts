/**
 * What keeps a service from doing its work now, in words for a person: the answer of `/readyz`. There is at most one text for a
 * cause ("redis", "broker", "sink", "dead letters of customer_data"). Each part of a service sets the causes that it sees, and
 * clears them when they end, within 10 s each.
 */
export class Problems {
  readonly #words = new Map<string, string>();
  readonly #onChange: (cause: string, words: string | undefined) => void;

  /** @param onChange called when the text of a cause changes, also when it ends (undefined): to log it once */
  constructor(onChange: (cause: string, words: string | undefined) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** @param words what is wrong and what to do; undefined if the cause is over */
  set(cause: string, words: string | undefined): void {
    if (this.#words.get(cause) === words) return;
    if (words === undefined) this.#words.delete(cause);
    else this.#words.set(cause, words);
    this.#onChange(cause, words);
  }

  has(cause: string): boolean {
    return this.#words.has(cause);
  }

  /** In the order in which the causes began. */
  words(): readonly string[] {
    return [...this.#words.values()];
  }
}
