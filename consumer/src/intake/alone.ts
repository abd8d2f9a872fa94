import type { Clock } from '@tributary/shared';

/** Milliseconds between two looks whether what is at work is done. */
const LOOK = 20;

/**
 * Milliseconds that are waited for it at most: a sink that is away, or dead letters that cannot be buried, must not keep the other
 * records from their turn. What ends the process does so at once.
 */
const PATIENCE = 10_000;

/** The records of one queue that are at work. */
export interface AtWork {
  /** How many records were given out, and are neither settled nor put back. */
  readonly atWork: number;
  /** Writes now what waits for its batch. Nothing waits for it here. */
  hurry(): void;
}

/**
 * Gives one queue at a time the process to itself. If the process ends then, it ended because of the records that this queue had at
 * work, and not because of those of another.
 */
export class Alone {
  readonly #clock: Clock;
  readonly #queues: AtWork[] = [];
  #over: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join(queue: AtWork): void {
    this.#queues.push(queue);
  }

  /** Undefined while no queue works alone; otherwise resolves when that is over. The other queues give nothing out until then. */
  get over(): Promise<void> | undefined {
    return this.#over;
  }

  /** Waits for its turn, and until nothing is at work. @returns to be called when the queue needs the process for itself no more */
  async begin(): Promise<() => void> {
    while (this.#over !== undefined) await this.#over;
    let end = () => {};
    this.#over = new Promise((resolve) => {
      end = () => {
        this.#over = undefined;
        resolve();
      };
    });
    await this.untilDone();
    return end;
  }

  /** Waits until nothing is at work any more, or it has waited long enough, or the signal has aborted. */
  async untilDone(signal?: AbortSignal): Promise<void> {
    for (let waited = 0; waited < PATIENCE && signal?.aborted !== true; waited += LOOK) {
      if (this.#queues.every(({ atWork }) => atWork === 0)) return;
      for (const queue of this.#queues) queue.hurry();
      await this.#clock.sleep(LOOK, signal);
    }
  }
}
