import type { Clock } from '@tributary/shared';

/** Something that is about to happen, at a host, and waits for its turn. */
interface Parked {
  readonly host: Host;
  readonly what: string;
  readonly due: number;
  readonly go: () => void;
}

/** A process. Once dead nothing of it happens any more: what it awaits never comes. */
export interface Host {
  readonly name: string;
  alive: boolean;
  /** Until so many steps are done, it is stopped (SIGSTOP, a long pause): it wakes up and knows nothing of it. */
  stalledUntil: number;
}

/** Times at which simulations begin: any, but a person should be able to read it. */
const EPOCH = Date.UTC(2025, 0, 1);

/**
 * All that can happen, one thing at a time, in an order that the test chooses. Whoever talks to anything outside of
 * its own process parks before it; a crash is a parked thing that never goes on.
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

  /** Lets one thing happen: the oldest that can for 0, others for other numbers. Time passes only if nothing can. */
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

/** Until every process has done what it does by itself. Two turns: what the first lets go may ask for another. */
export async function quiescence(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A connection: what is sent over it arrives in order. */
export class Wire {
  readonly #world: World;
  readonly #host: Host;
  #last: Promise<unknown> = Promise.resolve();

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
  }

  /** Does it when everything sent before was done and the schedule lets it. */
  send<T>(what: string, effect: () => T): Promise<T> {
    const done = this.#last.then(() => this.#world.park(this.#host, what)).then(effect);
    this.#last = done.catch(() => {});
    return done;
  }
}
