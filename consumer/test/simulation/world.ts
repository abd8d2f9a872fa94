import type { Clock } from '@tributary/shared';

/** Something that is about to happen at a host, and waits for its turn. */
interface Parked {
  readonly host: Host;
  readonly what: string;
  readonly due: number;
  readonly go: () => void;
}

/** A process. Once it is dead, it does nothing any more: what it awaits never comes. */
export interface Host {
  readonly name: string;
  alive: boolean;
  /** It is stopped until this many steps are done (SIGSTOP, a long pause), and does not notice it when it wakes up. */
  stalledUntil: number;
}

/** The time at which simulations begin. Any time would do; this one is easy to read. */
const EPOCH = Date.UTC(2025, 0, 1);

/**
 * All that can happen, one thing at a time, in an order that the test chooses. A process that talks to anything outside
 * itself parks before it does. A crash is a parked thing that never goes on.
 */
export class World {
  now = EPOCH;
  steps = 0;
  /** What happened, for people. */
  readonly trace: string[] = [];
  #parked: Parked[] = [];

  /** Resolves when the schedule lets it happen. */
  park(host: Host, what: string, due = this.now): Promise<void> {
    return new Promise((resolve) => {
      if (host.alive) this.#parked.push({ host, what, due, go: resolve });
    });
  }

  clockOf(host: Host): Clock {
    return {
      now: () => this.now,
      monotonic: () => this.now,
      sleep: (milliseconds, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          if (!host.alive) return;
          const go = () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          };
          const parked = { host, what: `wake after ${milliseconds} ms`, due: this.now + milliseconds, go };
          const abort = () => {
            this.#parked = this.#parked.filter((other) => other !== parked);
            go();
          };
          this.#parked.push(parked);
          signal?.addEventListener('abort', abort);
        }),
    };
  }

  /** Ends a process at once. */
  kill(host: Host): void {
    host.alive = false;
    this.#parked = this.#parked.filter((parked) => parked.host !== host);
  }

  note(what: string): void {
    this.trace.push(`--- ${what}`);
  }

  /** Lets one thing happen: for 0 the oldest that can, for other numbers another. Time passes only if nothing can happen. */
  async step(choice: number): Promise<void> {
    this.steps++;
    const awake = this.#parked.filter(({ host }) => host.stalledUntil <= this.steps);
    let ready = awake.filter(({ due }) => due <= this.now);
    if (ready.length === 0) {
      if (awake.length === 0) return;
      this.now = Math.min(...awake.map(({ due }) => due));
      ready = awake.filter(({ due }) => due <= this.now);
    }
    const next = ready[choice % ready.length];
    if (next === undefined) return;
    this.#parked = this.#parked.filter((parked) => parked !== next);
    this.trace.push(`${next.host.name}: ${next.what}`);
    next.go();
    await quiescence();
  }
}

/** Resolves when every process has done all that it does by itself. Two turns, because what happens in the first may need another. */
export async function quiescence(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A connection. What is sent over it arrives in order. */
export class Wire {
  readonly #world: World;
  readonly #host: Host;
  #last: Promise<unknown> = Promise.resolve();

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
  }

  /** Has the effect when everything sent before has had its effect, and the schedule lets it. */
  send<T>(what: string, effect: () => T): Promise<T> {
    const done = this.#last.then(() => this.#world.park(this.#host, what)).then(effect);
    this.#last = done.catch(() => {});
    return done;
  }
}
