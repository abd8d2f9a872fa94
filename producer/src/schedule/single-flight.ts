/** Work of which one piece at a time may be going on. */
export class SingleFlight<T> {
  readonly #work: () => Promise<T>;
  #current: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** What is going on now. */
  get current(): Promise<T> | undefined {
    return this.#current;
  }

  /** Starts it, or joins what is going on. */
  run(): Promise<T> {
    this.#current ??= this.#work().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }
}
