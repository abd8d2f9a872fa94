import type { Clock } from '@tributary/shared';

/** Shorter waits than this only cost; faster rates do several changes after each. */
const SHORTEST_WAIT = 20;

/** Makes changes happen over time, at a steady rate. */
export class Pace {
  /** While true nothing happens, and what would have happened is not made up for. */
  paused = false;
  #started = false;
  #abort: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  /**
   * @param perSecond changes a second; 0 for none
   * @param change makes so many changes at once
   */
  constructor(
    private perSecond: number,
    private readonly change: (count: number) => void,
    private readonly clock: Clock,
  ) {}

  /** Another rate, from now on. */
  async setRate(perSecond: number): Promise<void> {
    const wasRunning = this.#started;
    await this.stop();
    this.perSecond = perSecond;
    if (wasRunning) this.start();
  }

  start(): void {
    this.#started = true;
    if (this.#abort !== undefined || this.perSecond === 0) return;
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
    const wait = Math.max(SHORTEST_WAIT, 1_000 / this.perSecond);
    let due = 0;
    let last = this.clock.now();
    while (true) {
      await this.clock.sleep(wait, signal);
      if (signal.aborted) return;
      const now = this.clock.now();
      const passed = (Math.max(0, now - last) / 1_000) * this.perSecond;
      last = now;
      // A machine that slept for a night does not wake to a night's changes, only to a second's.
      due = this.paused ? 0 : Math.min(due + passed, Math.max(1, this.perSecond));
      this.change(Math.floor(due));
      due -= Math.floor(due);
    }
  }
}
