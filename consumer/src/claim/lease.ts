import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Ledger } from '../ledger/port.js';
import { WriterLost } from '../writer-lost.js';

/**
 * Milliseconds that other consumers wait for a writer that does not renew its lease, before they take over what it holds.
 * Long enough for a pause of garbage collection or a slow disk, short enough that the records of a killed consumer wait no
 * longer than its restart takes.
 */
const LEASE = 10_000;
const RENEW_EVERY = 2_500;

export interface LeaseOptions {
  readonly ledger: Pick<Ledger, 'renewLease' | 'releaseLease'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once, when the lease is lost for good. */
  readonly onLost: (error: WriterLost) => void;
}

/** A writer's right to write. It is renewed in the background; every write asks for it first. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #stop = new AbortController();
  #heldUntil = Number.NEGATIVE_INFINITY;
  #lost: WriterLost | undefined;
  #onRenewed: (() => void)[] = [];

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Takes the lease, and keeps it until {@link release}. */
  async take(): Promise<void> {
    await this.#renew();
    void this.#keep();
  }

  /**
   * Resolves when the lease is surely held for a while: at once, or after Redis has answered again.
   * @throws WriterLost if the lease is lost
   */
  async held(): Promise<void> {
    while (this.#lost === undefined && this.#options.clock.monotonic() > this.#heldUntil - LEASE / 4) {
      await new Promise<void>((resolve) => this.#onRenewed.push(resolve));
    }
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Ends the renewal. With `giveBack`, other consumers may take over at once what is still claimed. */
  async release(giveBack: boolean): Promise<void> {
    this.#stop.abort();
    this.#fail(new WriterLost('fenced', 'this writer has ended'));
    if (giveBack) await this.#options.ledger.releaseLease();
  }

  async #keep(): Promise<void> {
    const { clock, log, onLost } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(RENEW_EVERY, signal);
      if (signal.aborted) return;
      try {
        await this.#renew();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof WriterLost) {
          this.#fail(error);
          onLost(error);
          return;
        }
        log.warn({ reason: describeError(error) }, 'the lease could not be renewed; trying again');
      }
    }
  }

  async #renew(): Promise<void> {
    const { clock, ledger } = this.#options;
    // Counted from before the call: a slow answer must not make the lease longer here than it is in Redis. Nor must a time of
    // day that is set back.
    const asked = clock.monotonic();
    await ledger.renewLease(LEASE);
    this.#heldUntil = asked + LEASE;
    this.#wakeAll();
  }

  #fail(error: WriterLost): void {
    this.#lost ??= error;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#onRenewed.splice(0)) wake();
  }
}
