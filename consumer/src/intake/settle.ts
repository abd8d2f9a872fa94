import type { Clock, PoisonError } from '@tributary/shared';
import type { AckChannel, BrokerMessage } from './channel.js';

/** A message in flight, with the only function that may settle it. */
export class Delivery {
  settled = false;
  /** Set when its record came as far as the sink, which refused a row of it. Then it is to be buried, and not to be written again. */
  refused: PoisonError | undefined;
  readonly message: BrokerMessage;
  /** When it arrived here, by the clock that is never set. */
  readonly arrivedAt: number;
  readonly #settler: Settler;

  constructor(message: BrokerMessage, arrivedAt: number, settler: Settler) {
    this.message = message;
    this.arrivedAt = arrivedAt;
    this.#settler = settler;
  }

  /** To be called when nothing more has to be done for it: its row is durable, or it needs no row. */
  ack(): void {
    this.settled = true;
    this.#settler.schedule();
  }

  /** To be called when the sink refuses a row of its record, and nothing is claimed for it any more: it is given out again, to be buried. */
  refuse(error: PoisonError): void {
    this.refused = error;
    this.#settler.giveOutAgain(this);
  }
}

/** Milliseconds that an acknowledgement waits for the older deliveries before it to be settled too. */
const LINGER = 100;

/**
 * Milliseconds that it waits at most when the broker gives out nothing new before it gets an acknowledgement, and the
 * consumer has nothing else left to do.
 */
const LINGER_STARVED = 20;

/**
 * The share of the prefetch that may wait like that. A separate acknowledgement costs broker and consumer more than all
 * other work on a duplicate. But if all deliveries of the prefetch waited, the broker would give out nothing new meanwhile.
 */
const LINGERING = 0.9;

export interface SettlerOptions {
  readonly channel: AckChannel;
  readonly clock: Clock;
  /** The number of deliveries that the broker gives out before it waits for an acknowledgement. */
  readonly prefetch: number;
  /** Whether all deliveries that arrived have been handed on. */
  readonly isStarved: () => boolean;
  /** Gives out a delivery again that was refused. */
  readonly onRefused?: (delivery: Delivery) => void;
  /** Aborted when nothing is settled here any more. */
  readonly over: AbortSignal;
  readonly onSettled?: OnSettled | undefined;
}

/**
 * Called with deliveries that are settled. They are acknowledged when its promise resolves, or at once without one. It must not reject.
 */
export type OnSettled = (deliveries: readonly Delivery[]) => Promise<void> | undefined;

/**
 * Acknowledges the deliveries of one channel. Deliveries that are settled without a gap go in one `ack up to`. A settled
 * delivery behind a gap waits a moment, because the gap closes when its batch is written, and then one acknowledgement
 * covers both. If the gap stays, each delivery behind it is acknowledged separately, so that a batch that waits for more
 * records does not hold the duplicates behind it.
 */
export class Settler {
  readonly #options: SettlerOptions;
  /** How many deliveries may wait behind a gap. */
  readonly #most: number;
  #open: Delivery[] = [];
  /** Acknowledgements that wait until their deliveries are noted. They are sent in order. */
  #waiting: Promise<void> | undefined;
  #scheduled = false;
  #lingering = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#most = options.prefetch * LINGERING;
  }

  track(message: BrokerMessage, arrivedAt: number): Delivery {
    const delivery = new Delivery(message, arrivedAt, this);
    this.#open.push(delivery);
    return delivery;
  }

  giveOutAgain(delivery: Delivery): void {
    this.#options.onRefused?.(delivery);
  }

  /** The oldest delivery that is not settled. */
  get oldest(): Delivery | undefined {
    return this.#open.find(({ settled }) => !settled);
  }

  get unsettled(): number {
    return this.#open.reduce((count, { settled }) => (settled ? count : count + 1), 0);
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#acknowledge(this.#most);
      if (this.#open.some(({ settled }) => settled)) void this.#linger();
    });
  }

  /** Acknowledges everything that is settled. @returns a promise of it, if something is to be noted before */
  flush(): Promise<void> | undefined {
    this.#acknowledge(0);
    return this.#waiting;
  }

  async #linger(): Promise<void> {
    if (this.#lingering) return;
    this.#lingering = true;
    const { clock, over, isStarved } = this.#options;
    for (let waited = 0; waited < LINGER && !over.aborted; waited += LINGER_STARVED) {
      await clock.sleep(LINGER_STARVED, over);
      if (this.#open.length >= this.#most && isStarved()) break;
    }
    this.#lingering = false;
    if (!over.aborted) this.flush();
  }

  /** @param lingering how many settled deliveries may stay unacknowledged behind a gap */
  #acknowledge(lingering: number): void {
    const open = this.#open;
    const gap = open.findIndex(({ settled }) => !settled);
    const prefix = gap === -1 ? open.length : gap;
    const last = open[prefix - 1];
    const behind = open.slice(prefix);
    const settled = behind.filter((delivery) => delivery.settled);
    const mayWait = settled.length <= lingering;
    this.#open = mayWait ? behind : behind.filter((delivery) => !delivery.settled);
    const singles = mayWait ? [] : settled;
    if (last === undefined && singles.length === 0) return;
    const noted = this.#options.onSettled?.(prefix === 0 ? singles : open.slice(0, prefix).concat(singles));
    if (noted === undefined && this.#waiting === undefined) {
      this.#send(last, singles);
      return;
    }
    // The broker closes a channel that acknowledges one delivery after an `ack up to` that covers it.
    const sent = Promise.all([this.#waiting, noted]).then(() => {
      if (this.#waiting === sent) this.#waiting = undefined;
      this.#send(last, singles);
    });
    this.#waiting = sent;
  }

  #send(last: Delivery | undefined, singles: readonly Delivery[]): void {
    const { channel } = this.#options;
    try {
      if (last !== undefined) channel.ack(last.message, true);
      for (const delivery of singles) channel.ack(delivery.message);
    } catch (error) {
      // The channel is closed: the broker has taken its messages back, and there is nothing to acknowledge.
      if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    }
  }
}
