import type { Clock } from '@tributary/shared';

/** In milliseconds. Shorter waits cost CPU without a benefit; at faster rates, several changes follow each wait. */
const SHORTEST_WAIT = 20;

/** Makes changes over time, at a steady rate. */
export class Pace {
  /** While true there are no changes; they are not made later either. */
  paused = false;
  #perSecond: number;
  readonly #change: (count: number) => void;
  readonly #clock: Clock;
  #started = false;
  #abort: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  /**
   * @param perSecond changes per second; 0 for none
   * @param change makes this many changes at once
   */
  constructor(perSecond: number, change: (count: number) => void, clock: Clock) {
    this.#perSecond = perSecond;
    this.#change = change;
    this.#clock = clock;
  }

  /** Changes the rate from now on. */
  async setRate(perSecond: number): Promise<void> {
    const wasRunning = this.#started;
    await this.stop();
    this.#perSecond = perSecond;
    if (wasRunning) this.start();
  }

  start(): void {
    this.#started = true;
    if (this.#abort !== undefined || this.#perSecond === 0) return;
    this.#abort = new AbortController();
    this.#loop = this.#run(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#started = false;
    this.#abort?.abort();
    this.#abort = undefined;
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const wait = Math.max(SHORTEST_WAIT, 1_000 / this.#perSecond);
    let due = 0;
    let last = this.#clock.now();
    while (true) {
      await this.#clock.sleep(wait, signal);
      if (signal.aborted) return;
      const now = this.#clock.now();
      const passed = (Math.max(0, now - last) / 1_000) * this.#perSecond;
      last = now;
      // After a machine has slept, at most the changes of one second are made up for.
      due = this.paused ? 0 : Math.min(due + passed, Math.max(1, this.#perSecond));
      this.#change(Math.floor(due));
      due -= Math.floor(due);
    }
  }
}
