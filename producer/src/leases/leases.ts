import { type Clock, describeError, interruptible, type Logger } from '@tributary/shared';
import { spread } from './spread.js';
import type { EndpointClaim, LeaseTable } from './table.js';

/**
 * How long, in milliseconds, others wait for a producer that says nothing before they poll its endpoints. With the time
 * between two beats it is how long a killed producer's endpoints rest: well under 15 s.
 */
const LEASE = 6_000;
const BEAT_EVERY = 1_500;
/** How often a lease is looked at that may have run out while Redis does not answer. */
const CHECK_EVERY = 500;

export interface LeasesOptions {
  readonly table: LeaseTable;
  /** Names this life of this producer; never used again. */
  readonly me: string;
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  /** Milliseconds of a clock that nobody sets: a lease must not grow because the time of day was set back. */
  monotonic(): number;
  readonly log: Logger;
  /** A run is going on: its lease is kept until it has ended, also if the endpoint is to be another producer's. */
  isBusy(endpoint: string): boolean;
  /** The endpoint is this producer's to poll, from now until `onLost`. */
  onHeld(endpoint: string): void;
  /** It is no more; a run that is going on has to end. */
  onLost(endpoint: string): void;
  /** How an endpoint that is held stands, after each beat. */
  onClaim(endpoint: string, claim: EndpointClaim): void;
}

/** The endpoints that this producer may poll now, of all that the living producers share among them. */
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

  /** Takes part from now on. */
  start(): void {
    this.#beating ??= Promise.all([this.#beatOn(), this.#watch()]).then(() => {});
  }

  /** The number of the lease while it is surely held. */
  fence(endpoint: string): number | undefined {
    const lease = this.#held.get(endpoint);
    return lease !== undefined && lease.until > this.#options.monotonic() ? lease.fence : undefined;
  }

  /** How the endpoint stood at the last beat, also if it is another producer's. */
  claim(endpoint: string): EndpointClaim | undefined {
    return this.#claims.get(endpoint);
  }

  /** Beats at once: something has changed that others should learn, or that this producer asked for. */
  beatNow(): void {
    this.#wake.abort();
  }

  /** Gives back every lease, if Redis can be told within a moment; runs must have ended before. */
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
            'cannot agree with other producers on who polls what; trying again',
          );
        told = true;
      }
      if (!signal.aborted) await clock.sleep(BEAT_EVERY, this.#wake.signal);
    }
  }

  async #beat(): Promise<void> {
    const { table, me, endpoints, clock, isBusy, monotonic } = this.#options;
    // Counted from before the calls: how long the answers take must not lengthen a lease.
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
    // An answer that came too late says nothing.
    if (claim.fence === undefined || until <= this.#options.monotonic()) return;
    this.#held.set(id, { fence: claim.fence, until });
    if (before?.fence !== claim.fence) this.#options.onHeld(id);
    this.#options.onClaim(id, claim);
  }

  #lose(id: string): void {
    this.#held.delete(id);
    this.#options.onLost(id);
  }

  /** A lease that could not be renewed in time may be another's by now. */
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
        'the leases have run out: Redis did not answer, or this process stood still; polling rests',
      );
      for (const [id] of lost) this.#lose(id);
    }
  }
}
