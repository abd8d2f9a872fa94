import type { Clock, EndpointConfig, LimitsConfig } from '@tributary/shared';

export type Priority = EndpointConfig['priority'];

const RANKS: Readonly<Record<Priority, number>> = { critical: 0, high: 1, normal: 2, low: 3 };

/** A request that has waited this long, in milliseconds, goes before all others: low priority means later, not never. */
const LONGEST_WAIT = 30_000;

interface WaitingRequest {
  readonly host: Host;
  readonly rank: number;
  readonly since: number;
  enter(): void;
}

/** The requests to one host. */
interface Host {
  readonly concurrency: number;
  /** Milliseconds between the starts of two requests. */
  readonly spacing: number;
  running: number;
  /** When the next request may start, by the clock that is never set. */
  freeAt: number;
}

/**
 * Holds requests to the limits: how many run at a time, in all and for each host, and how many start in a second for each
 * host. Requests of a higher priority go first.
 */
export class Gate {
  readonly #limits: LimitsConfig;
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Host>();
  #waiting: WaitingRequest[] = [];
  #running = 0;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(limits: LimitsConfig, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many requests are running, and how many wait. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  /**
   * Does the work when it is its turn.
   * @param hostName as in the URL, with the port if it has one
   * @throws the signal's reason once it has aborted, if it had not begun
   */
  async pass<T>(hostName: string, priority: Priority, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const host = this.#hostOf(hostName);
    await this.#turn(host, RANKS[priority], signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      host.running -= 1;
      this.#letIn();
    }
  }

  async #turn(host: Host, rank: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        reject(signal.reason);
      };
      const waiting: WaitingRequest = {
        host,
        rank,
        since: this.#clock.monotonic(),
        enter() {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      this.#letIn();
    });
  }

  #letIn(): void {
    if (this.#waiting.length === 0) return;
    const now = this.#clock.monotonic();
    const rankOf = ({ rank, since }: WaitingRequest) => (now - since >= LONGEST_WAIT ? -1 : rank);
    // Sorting is stable: requests of the same rank keep the order in which they came.
    const kept: WaitingRequest[] = [];
    let soonest = Number.POSITIVE_INFINITY;
    for (const one of this.#waiting.toSorted((a, b) => rankOf(a) - rankOf(b))) {
      const { host } = one;
      if (this.#running < this.#limits.concurrency && host.running < host.concurrency && host.freeAt <= now) {
        this.#running += 1;
        host.running += 1;
        host.freeAt = now + host.spacing;
        one.enter();
      } else {
        kept.push(one);
        if (host.freeAt > now) soonest = Math.min(soonest, host.freeAt);
      }
    }
    this.#waiting = this.#waiting.filter((one) => kept.includes(one));
    if (soonest < this.#wakeAt) void this.#wake(soonest, now);
  }

  async #wake(at: number, now: number): Promise<void> {
    this.#wakeAt = at;
    await this.#clock.sleep(at - now);
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#letIn();
  }

  #hostOf(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const { perHost, hosts } = this.#limits;
    const { concurrency, requestsPerSecond } = hosts[name] ?? perHost;
    const spacing = requestsPerSecond === undefined ? 0 : 1_000 / requestsPerSecond;
    const host = { concurrency, spacing, running: 0, freeAt: 0 };
    this.#hosts.set(name, host);
    return host;
  }
}
