import type { Clock, PoisonError } from '@tributary/shared';
import type { AckChannel, BrokerMessage } from './channel.js';
import { recordsOf } from './packed.js';

/** A message of the broker, until it is acknowledged: when all its records are settled. */
class Arrival {
  readonly message: BrokerMessage;
  readonly arrivedAt: number;
  /** How many of its records are not settled. */
  unsettled: number;

  constructor(message: BrokerMessage, arrivedAt: number, records: number) {
    this.message = message;
    this.arrivedAt = arrivedAt;
    this.unsettled = records;
  }
}

/** A record in flight, with the only function that may settle it: a message of the broker, or a part of one that is a pack. */
export class Delivery {
  readonly records = 1;
  settled = false;
  /** Set when its record came as far as the sink, which refused a row of it. Then it is to be buried, and not to be written again. */
  refused: PoisonError | undefined;
  readonly message: BrokerMessage;
  /** When it arrived here, by the clock that is never set. */
  readonly arrivedAt: number;
  readonly #settler: Settler;
  readonly #arrival: Arrival;

  /** @param message as it came, or for one of several records as if it had come alone */
  constructor(
    message: BrokerMessage,
    arrivedAt: number,
    settler: Settler,
    arrival: Arrival = new Arrival(message, arrivedAt, 1),
  ) {
    this.message = message;
    this.arrivedAt = arrivedAt;
    this.#settler = settler;
    this.#arrival = arrival;
  }

  /** The same delivery with another message, as it may lie with the dead letters. One of the two is settled. */
  as(message: BrokerMessage): Delivery {
    return new Delivery(message, this.arrivedAt, this.#settler, this.#arrival);
  }

  /** To be called when nothing more has to be done for it: its row is durable, or it needs no row. */
  ack(): void {
    if (!this.settled) this.#arrival.unsettled -= 1;
    this.settled = true;
    this.#settler.schedule();
  }

  /** To be called when the sink refuses a row of its record, and nothing is claimed for it any more: it is given out again, to be buried. */
  refuse(error: PoisonError): void {
    this.refused = error;
    this.#settler.giveOutAgain(this);
  }
}

/** A pack whose records have not been given out. Until then it takes the memory of a message and of some numbers only. */
export class Pack {
  readonly #arrival: Arrival;
  readonly #places: readonly number[];
  readonly #settler: Settler;

  /** @param places where its records lie (placesOf) */
  constructor(arrival: Arrival, places: readonly number[], settler: Settler) {
    this.#arrival = arrival;
    this.#places = places;
    this.#settler = settler;
  }

  get records(): number {
    return this.#places.length / 2;
  }

  get deliveries(): Delivery[] {
    const { message, arrivedAt } = this.#arrival;
    return recordsOf(message, this.#places).map(
      (record) => new Delivery(record, arrivedAt, this.#settler, this.#arrival),
    );
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
  /** The number of deliveries that the broker gives out before it waits for an acknowledgement. It may change. */
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
 * Called with messages whose records are all settled. They are acknowledged when its promise resolves, or at once without one. It
 * must not reject.
 */
export type OnSettled = (arrivals: readonly Settled[]) => Promise<void> | undefined;

/** A message whose records are all settled. */
export type Settled = Pick<Arrival, 'message'>;

/**
 * Acknowledges the messages of one channel, each when its last record is settled. Deliveries that are settled without a gap go in one `ack up to`. A settled
 * delivery behind a gap waits a moment, because the gap closes when its batch is written, and then one acknowledgement
 * covers both. If the gap stays, each delivery behind it is acknowledged separately, so that a batch that waits for more
 * records does not hold the duplicates behind it.
 */
export class Settler {
  readonly #options: SettlerOptions;
  #open: Arrival[] = [];
  /** Acknowledgements that wait until their deliveries are noted. They are sent in order. */
  #waiting: Promise<void> | undefined;
  #scheduled = false;
  #lingering = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** How many deliveries may wait behind a gap. */
  get #most(): number {
    return this.#options.prefetch * LINGERING;
  }

  track(message: BrokerMessage, arrivedAt: number): Delivery {
    const arrival = new Arrival(message, arrivedAt, 1);
    this.#open.push(arrival);
    return new Delivery(message, arrivedAt, this, arrival);
  }

  /** @param places where its records lie (placesOf) */
  trackPack(message: BrokerMessage, places: readonly number[], arrivedAt: number): Pack {
    const arrival = new Arrival(message, arrivedAt, places.length / 2);
    this.#open.push(arrival);
    return new Pack(arrival, places, this);
  }

  giveOutAgain(delivery: Delivery): void {
    this.#options.onRefused?.(delivery);
  }

  /** The oldest message that has a record which is not settled. */
  get oldest(): Pick<Arrival, 'arrivedAt'> | undefined {
    return this.#open.find(isUnsettled);
  }

  /** The messages that are not acknowledged, and not handed to `onSettled` to be noted. */
  get messages(): BrokerMessage[] {
    return this.#open.map(({ message }) => message);
  }

  /** How many records are not settled. */
  get unsettled(): number {
    return this.#open.reduce((count, { unsettled }) => count + unsettled, 0);
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#acknowledge(this.#most);
      if (this.#open.some(isSettled)) void this.#linger();
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

  /** @param lingering how many messages may stay unacknowledged behind a gap although they are settled */
  #acknowledge(lingering: number): void {
    const open = this.#open;
    const gap = open.findIndex(isUnsettled);
    const prefix = gap === -1 ? open.length : gap;
    const last = open[prefix - 1];
    const behind = open.slice(prefix);
    const settled = behind.filter(isSettled);
    const mayWait = settled.length <= lingering;
    this.#open = mayWait ? behind : behind.filter(isUnsettled);
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

  #send(last: Settled | undefined, singles: readonly Settled[]): void {
    const { channel } = this.#options;
    try {
      if (last !== undefined) channel.ack(last.message, true);
      for (const { message } of singles) channel.ack(message);
    } catch (error) {
      // The channel is closed: the broker has taken its messages back, and there is nothing to acknowledge.
      if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    }
  }
}

const isUnsettled = ({ unsettled }: Arrival): boolean => unsettled > 0;
const isSettled = ({ unsettled }: Arrival): boolean => unsettled === 0;
