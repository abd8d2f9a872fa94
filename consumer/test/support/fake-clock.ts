import type { Clock } from '@tributary/shared';

/** Time that passes only when a test moves it on. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  readonly #sleepers = new Set<{ readonly due: number; readonly wake: () => void }>();

  constructor(now = Date.UTC(2025, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Sets the time of day, as a person or NTP would: no time passes. */
  step(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** The number of sleepers that wait for their time. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { due: this.#monotonic + milliseconds, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake);
    });
  }

  /** Moves the time on and wakes each sleeper at its own time, which then does all that it can do at once. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (;;) {
      const [next] = [...this.#sleepers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (next === undefined) break;
      this.#passUntil(next.due);
      next.wake();
      await settled();
    }
    this.#passUntil(end);
    await settled();
  }

  #passUntil(due: number): void {
    const passed = Math.max(0, due - this.#monotonic);
    this.#monotonic += passed;
    this.#now += passed;
  }
}

/** Resolves when everything is done that needs neither time nor the network. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
