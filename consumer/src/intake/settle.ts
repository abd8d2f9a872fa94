import type { Clock } from '@tributary/shared';
import type { Channel, ConsumeMessage } from 'amqplib';

/** A message in flight, with the only thing that may end it. */
export class Delivery {
  settled = false;
  constructor(
    readonly message: ConsumeMessage,
    /** When it arrived here, in milliseconds since the epoch. */
    readonly arrivedAt: number,
    private readonly settler: Settler,
  ) {}

  /** Nothing more is to be done for it: it is durable, or needs no row. */
  ack(): void {
    this.settled = true;
    this.settler.schedule();
  }
}

/** Milliseconds that an acknowledgement waits for the gap before it to close. */
const LINGER = 100;

/** Milliseconds that it waits at most where the broker will give out nothing new before it, and nothing else is left to do. */
const LINGER_STARVED = 20;

/**
 * The share of the deliveries that the broker gives out which may wait so: an acknowledgement of its own costs broker and
 * consumer more than all else that a duplicate asks of them. Were it all of them, nothing new would come meanwhile.
 */
const LINGERING = 0.9;

/**
 * Acknowledges deliveries of one channel. Those settled without a gap go in one `ack up to`. Behind a gap they wait a
 * moment, for it will close when its batch is written; if it does not, each is acknowledged by itself, so that a batch
 * that waits to be full does not hold the duplicates behind it.
 */
export class Settler {
  #open: Delivery[] = [];
  #scheduled = false;
  #lingering = false;
  /** So many may wait behind a gap. */
  readonly #most: number;

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    /** As many deliveries as the broker gives out before it waits for an acknowledgement. */
    prefetch: number,
    /** Whether nothing that came is left to be given out. */
    private readonly isStarved: () => boolean,
    /** Aborted when nothing is settled here any more. */
    private readonly over: AbortSignal,
  ) {
    this.#most = prefetch * LINGERING;
  }

  track(message: ConsumeMessage, arrivedAt: number): Delivery {
    const delivery = new Delivery(message, arrivedAt, this);
    this.#open.push(delivery);
    return delivery;
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

  /** Acknowledges all that is settled. */
  flush(): void {
    this.#acknowledge(0);
  }

  async #linger(): Promise<void> {
    if (this.#lingering) return;
    this.#lingering = true;
    for (let waited = 0; waited < LINGER && !this.over.aborted; waited += LINGER_STARVED) {
      await this.clock.sleep(LINGER_STARVED, this.over);
      if (this.#open.length >= this.#most && this.isStarved()) break;
    }
    this.#lingering = false;
    if (!this.over.aborted) this.flush();
  }

  /**
   * On a closed channel there is nothing to send: the broker has taken its messages back.
   * @param lingering so many may wait behind a gap
   */
  #acknowledge(lingering: number): void {
    const gap = this.#open.findIndex(({ settled }) => !settled);
    const prefix = gap === -1 ? this.#open.length : gap;
    const last = this.#open[prefix - 1];
    const behind = this.#open.slice(prefix);
    const settled = behind.filter((delivery) => delivery.settled);
    const mayWait = settled.length <= lingering;
    this.#open = mayWait ? behind : behind.filter((delivery) => !delivery.settled);
    try {
      if (last !== undefined) this.channel.ack(last.message, true);
      if (!mayWait) for (const delivery of settled) this.channel.ack(delivery.message);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    }
  }
}
