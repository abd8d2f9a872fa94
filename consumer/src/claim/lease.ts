import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { Ledger } from '../ledger/port.js';
import { WriterLost } from '../writer-lost.js';

/**
 * How long others wait for a writer that says nothing before they take over what it holds. Long enough for a pause of
 * garbage collection or a slow disk, short enough that a killed consumer's records wait no longer than its restart.
 */
const LEASE = 10_000;
const RENEW_EVERY = 2_500;

/** A writer's right to write. It is renewed in the background; whoever writes asks first. */
export class Lease {
  #heldUntil = 0;
  #lost: WriterLost | undefined;
  #renewed: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(
    private readonly ledger: Ledger,
    private readonly clock: Clock,
    private readonly log: Logger,
    /** Told once, when the lease is gone for good. */
    private readonly onLost: (error: WriterLost) => void,
  ) {}

  /** Takes the lease, and keeps it until {@link release}. */
  async take(): Promise<void> {
    await this.#renew();
    void this.#keep();
  }

  /**
   * Resolves when the lease is surely held for a while: at once, or after Redis has answered again.
   * @throws WriterLost if it never will be
   */
  async held(): Promise<void> {
    while (this.#lost === undefined && this.clock.now() > this.#heldUntil - LEASE / 4) {
      await new Promise<void>((resolve) => this.#renewed.push(resolve));
    }
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Ends the renewal; with `giveBack`, others may take over at once what is still claimed. */
  async release(giveBack: boolean): Promise<void> {
    this.#stop.abort();
    this.#fail(new WriterLost('fenced', 'this writer has ended'));
    if (giveBack) await this.ledger.releaseLease();
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.clock.sleep(RENEW_EVERY, signal);
      if (signal.aborted) return;
      try {
        await this.#renew();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof WriterLost) {
          this.#fail(error);
          this.onLost(error);
          return;
        }
        this.log.warn({ reason: describeError(error) }, 'the lease could not be renewed; trying again');
      }
    }
  }

  async #renew(): Promise<void> {
    // Counted from before the call: how long the answer took must not lengthen the lease.
    const asked = this.clock.now();
    await this.ledger.renewLease(LEASE);
    this.#heldUntil = asked + LEASE;
    this.#wakeAll();
  }

  #fail(error: WriterLost): void {
    this.#lost ??= error;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#renewed.splice(0)) wake();
  }
}
