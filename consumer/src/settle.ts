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

/**
 * Acknowledges deliveries of one channel. Those settled without a gap go in one `ack up to`; one behind a gap is
 * acknowledged by itself, so that a batch that waits to be full does not hold the duplicates behind it.
 */
export class Settler {
  #open: Delivery[] = [];
  #scheduled = false;

  constructor(private readonly channel: Channel) {}

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
    setImmediate(() => this.flush());
  }

  /** Sends what is due now. On a closed channel there is nothing to send: the broker has taken its messages back. */
  flush(): void {
    this.#scheduled = false;
    const gap = this.#open.findIndex(({ settled }) => !settled);
    const prefix = gap === -1 ? this.#open.length : gap;
    const behind = this.#open.slice(prefix);
    try {
      const last = this.#open[prefix - 1];
      if (last !== undefined) this.channel.ack(last.message, true);
      for (const delivery of behind) if (delivery.settled) this.channel.ack(delivery.message);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    }
    this.#open = behind.filter(({ settled }) => !settled);
  }
}
