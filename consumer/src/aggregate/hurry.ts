/** Lets somebody wait until the aggregates have been calculated from what there is now. */
export class Hurry {
  #waiting: ((isDone: boolean) => void)[] = [];
  #wake = new AbortController();
  #isOver = false;

  /** Resolves with true once a calculation that began after this call has succeeded; with false if this consumer does not calculate. */
  ask(): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wake.abort();
    });
  }

  /** Aborted when somebody asks. */
  get asked(): AbortSignal {
    return this.#wake.signal;
  }

  /** To be called before a calculation. @returns what is to be called when it has succeeded; undefined if nobody has asked */
  begin(): (() => void) | undefined {
    this.#wake = new AbortController();
    const served = [...this.#waiting];
    if (served.length === 0) return undefined;
    return () => this.#answer(served, true);
  }

  /** To be called when another consumer keeps the aggregates up to date. */
  refuse(): void {
    this.#wake = new AbortController();
    this.#answer(this.#waiting, false);
  }

  /** To be called when this consumer calculates no more. */
  end(): void {
    this.#isOver = true;
    this.refuse();
  }

  #answer(some: readonly ((isDone: boolean) => void)[], isDone: boolean): void {
    this.#waiting = this.#waiting.filter((resolve) => !some.includes(resolve));
    for (const resolve of some) resolve(isDone);
  }
}
