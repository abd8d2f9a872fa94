/** Runs work of which only one piece may be in progress at a time. */
export class SingleFlight<T> {
  readonly #work: () => Promise<T>;
  #current: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** The work in progress. */
  get current(): Promise<T> | undefined {
    return this.#current;
  }

  /** Starts the work, or joins the work in progress. */
  run(): Promise<T> {
    this.#current ??= this.#work().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }
}
