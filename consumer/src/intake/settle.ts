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
  /** Called with each message that is about to be acknowledged. */
  readonly onSettled?: ((message: BrokerMessage) => void) | undefined;
}

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

  /** Acknowledges everything that is settled. */
  flush(): void {
    this.#acknowledge(0);
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
    const { channel, onSettled } = this.#options;
    if (onSettled !== undefined) {
      for (const { message } of open.slice(0, prefix)) onSettled(message);
      if (!mayWait) for (const { message } of settled) onSettled(message);
    }
    try {
      if (last !== undefined) channel.ack(last.message, true);
      if (!mayWait) for (const delivery of settled) channel.ack(delivery.message);
    } catch (error) {
      // The channel is closed: the broker has taken its messages back, and there is nothing to acknowledge.
      if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    }
  }
}
