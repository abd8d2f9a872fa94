import { type Clock, describeError, interruptible, type Logger } from '@tributary/shared';
import { spread } from './spread.js';
import type { EndpointClaim, LeaseTable } from './table.js';

/**
 * How long a lease is valid, in milliseconds. With the time between two beats it is how long the endpoints of a killed
 * producer are not polled: well under 15 s.
 */
const LEASE = 6_000;
const BEAT_EVERY = 1_500;
/** How often leases are checked that may expire while Redis does not answer, in milliseconds. */
const CHECK_EVERY = 500;

export interface LeasesOptions {
  readonly table: LeaseTable;
  /** Names this run of this producer's process; never used again. */
  readonly me: string;
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set: a lease must not get longer because the time of day was set back. */
  monotonic(): number;
  readonly log: Logger;
  /** Whether a run is in progress: the lease is kept until it ends, also if another producer is to have the endpoint. */
  isBusy(endpoint: string): boolean;
  /** This producer has to poll the endpoint from now until `onLost`. */
  onHeld(endpoint: string): void;
  /** This producer must not poll the endpoint any more; a run in progress has to end. */
  onLost(endpoint: string): void;
  /** The state of an endpoint that is held, after each beat. */
  onClaim(endpoint: string, claim: EndpointClaim): void;
}

/** The endpoints that this producer may poll now. The living producers share all endpoints among them. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #stop = new AbortController();
  readonly #held = new Map<string, { readonly fence: number; readonly until: number }>();
  readonly #claims = new Map<string, EndpointClaim>();
  #wake = new AbortController();
  #beating: Promise<void> | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Announces this producer and takes its leases, from now on. */
  start(): void {
    this.#beating ??= Promise.all([this.#beatOn(), this.#watch()]).then(() => {});
  }

  /** The number of the lease while it is certainly held. */
  fence(endpoint: string): number | undefined {
    const lease = this.#held.get(endpoint);
    return lease !== undefined && lease.until > this.#options.monotonic() ? lease.fence : undefined;
  }

  /** The state of the endpoint at the last beat, also if another producer holds it. */
  claim(endpoint: string): EndpointClaim | undefined {
    return this.#claims.get(endpoint);
  }

  /** Beats at once, so that a change reaches its holder without waiting. */
  beatNow(): void {
    this.#wake.abort();
  }

  /** Gives back every lease, if Redis answers within a second. Runs must have ended before. */
  async leave(): Promise<void> {
    if (this.#stop.signal.aborted || this.#beating === undefined) return;
    this.#stop.abort();
    this.#wake.abort();
    await this.#beating;
    this.#held.clear();
    await interruptible(this.#options.table.leave(this.#options.me), AbortSignal.timeout(1_000)).catch(() => {});
  }

  async #beatOn(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    let told = false;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await interruptible(interruptible(this.#beat(), AbortSignal.timeout(LEASE)), signal);
        told = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!told)
          log.warn(
            { reason: describeError(error) },
            'cannot agree with other producers on which of them polls which endpoint; trying again',
          );
        told = true;
      }
      if (!signal.aborted) await clock.sleep(BEAT_EVERY, this.#wake.signal);
    }
  }

  async #beat(): Promise<void> {
    const { table, me, endpoints, clock, isBusy, monotonic } = this.#options;
    // Counted from before the calls: a slow answer must not lengthen a lease.
    const until = monotonic() + LEASE;
    const mine = spread(await table.announce(me, endpoints, LEASE, clock.now())).get(me) ?? new Set();
    const wishes = new Map(endpoints.map((id) => [id, mine.has(id) || (this.#held.has(id) && isBusy(id))]));
    const claims = await table.claim(me, wishes, LEASE);
    if (this.#stop.signal.aborted) return;
    for (const [id, claim] of claims) this.#note(id, claim, until);
  }

  #note(id: string, claim: EndpointClaim, until: number): void {
    const before = this.#held.get(id);
    this.#claims.set(id, claim);
    if (before !== undefined && before.fence !== claim.fence) this.#lose(id);
    // The lease of an answer that came too late has expired already.
    if (claim.fence === undefined || until <= this.#options.monotonic()) return;
    this.#held.set(id, { fence: claim.fence, until });
    if (before?.fence !== claim.fence) this.#options.onHeld(id);
    this.#options.onClaim(id, claim);
  }

  #lose(id: string): void {
    this.#held.delete(id);
    this.#options.onLost(id);
  }

  /** Another producer may hold a lease that was not renewed in time. */
  async #watch(): Promise<void> {
    const { clock, monotonic, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(CHECK_EVERY, signal);
      if (signal.aborted) return;
      const lost = [...this.#held].filter(([, { until }]) => until <= monotonic());
      if (lost.length === 0) continue;
      log.warn(
        { endpoints: lost.length },
        'the leases have run out: Redis did not answer, or this process was suspended; polling stops until they are renewed',
      );
      for (const [id] of lost) this.#lose(id);
    }
  }
}
