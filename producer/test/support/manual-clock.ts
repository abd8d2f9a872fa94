import type { Clock } from '@tributary/shared';

interface Sleeper {
  readonly at: number;
  wake(): void;
}

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  readonly slept: number[] = [];
  #now: number;
  #monotonic = 0;
  #sleepers: Sleeper[] = [];

  constructor(now = Date.parse('2026-03-01T12:00:00Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    this.slept.push(ms);
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { at: this.#monotonic + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', wake);
    });
  }

  /** Lets time pass, and ends sleeps in the order in which they are due. */
  async advance(ms: number): Promise<void> {
    await settled();
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#sleepers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#passUntil(next.at);
      next.wake();
      // What was woken may sleep again before `end`.
      await settled();
    }
    this.#passUntil(end);
  }

  #passUntil(at: number): void {
    const passed = Math.max(0, at - this.#monotonic);
    this.#monotonic += passed;
    this.#now += passed;
  }

  /** Lets time pass in which nothing runs, as on a machine that sleeps: a sleep that is due ends with the next `advance`. */
  oversleep(ms: number): void {
    this.#passUntil(this.#monotonic + ms);
  }

  /** Sets the time without ending any sleep, as an administrator or NTP would. */
  set(now: number): void {
    this.#now = now;
  }
}

/** Resolves after everything that waits only for promises has continued. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
