import { type Clock, isPack, placesOf } from '@tributary/shared';
import type { Alone } from './alone.js';
import type { BrokerMessage, IntakeChannel } from './channel.js';
import { formatFault, LaterMessages, type LaterOptions } from './later.js';
import { faultOfPack, sizeOf } from './packed.js';
import { Delivery, type OnSettled, type Pack, Settler } from './settle.js';
import { Subscription } from './subscription.js';
import { type Group, isSuspect, Suspects, type SuspectsOptions } from './suspects.js';
import { Window } from './window.js';

/** How many deliveries are judged together: enough to share a round trip to Redis, few enough to keep it short. */
const MICRO_BATCH = 256;

/** Bytes of records that are judged together: once they are parsed, they take several times as much. */
const MICRO_BATCH_BYTES = 4 * 1024 ** 2;

/** Milliseconds to wait before a row that another consumer has claimed is asked for again. */
const BUSY_DELAY = 250;

export interface IntakeOptions {
  readonly channel: IntakeChannel;
  readonly clock: Clock;
  /** The number of deliveries that the broker gives out before it waits for an acknowledgement, if each is one record. */
  readonly prefetch: number;
  /** The records of a batch. */
  readonly batchSize: number;
  readonly onSettled?: OnSettled;
  /** Called with why messages of the queue wait for a consumer of a later version, and with undefined when none does. */
  readonly onLater?: LaterOptions['onProblem'] | undefined;
  /** Looks for the record that ends the process. */
  readonly suspects: SuspectsOptions;
  /** Writes now what waits for its batch. Nothing waits for it here. */
  readonly hurry: () => void;
}

/**
 * Records of one queue, as they come: an async iterable of micro-batches, bounded by the channel's prefetch, which follows the size of
 * packs (window.ts). The records of a pack are deliveries of their own, which share an acknowledgement: no step behind this knows that
 * they came together.
 */
export class Intake implements AsyncIterable<Delivery[]> {
  readonly settler: Settler;
  readonly #channel: IntakeChannel;
  readonly #clock: Clock;
  readonly #window: Window;
  readonly #over = new AbortController();
  readonly #suspects: Suspects;
  readonly #alone: Alone;
  readonly #later: LaterMessages;
  /** Messages that were delivered many times. They have their turn before the others. */
  #suspected: (Delivery | Pack)[] = [];
  /** The suspects that are at work. */
  #trial: Group | undefined;
  /** Whether it ended because the code failed: strikes stay then. */
  #isFault = false;
  #buffer: (Delivery | Pack)[] = [];
  #busy: Delivery[] = [];
  #wake: (() => void) | undefined;
  #subscription: Subscription | undefined;

  constructor({ channel, clock, prefetch, batchSize, onSettled, onLater, suspects, hurry }: IntakeOptions) {
    this.#channel = channel;
    this.#clock = clock;
    this.#suspects = new Suspects(suspects);
    this.#alone = suspects.alone;
    const atWork = () => this.#atWork;
    this.#alone.join({
      get atWork() {
        return atWork();
      },
      hurry,
    });
    const window = new Window(prefetch, batchSize);
    this.#window = window;
    const isStarved = () => this.#buffer.length === 0;
    const onRefused = (delivery: Delivery) => this.#giveOut([delivery]);
    this.#later = new LaterMessages({
      clock,
      log: suspects.log,
      queue: suspects.queue,
      onProblem: onLater ?? (() => {}),
      giveOut: (delivery) => this.#giveOut([delivery]),
      over: this.#over.signal,
    });
    this.settler = new Settler({
      channel,
      clock,
      get prefetch() {
        return window.size;
      },
      isStarved,
      onRefused,
      over: this.#over.signal,
      onSettled,
    });
  }

  /**
   * Begins to consume.
   * @param onCancel called when the broker has cancelled the consumer because its queue was deleted or moved, or lets it not begin again
   *   (why, if it says so)
   */
  async start(queue: string, consumerTag: string, onCancel: (reason?: unknown) => void): Promise<void> {
    this.#subscription = new Subscription({
      channel: this.#channel,
      clock: this.#clock,
      window: this.#window,
      queue,
      consumerTag,
      onMessage: (message) => this.#arrived(message),
      onCancel,
    });
    await this.#subscription.begin();
  }

  #arrived(message: BrokerMessage): void {
    const { content, properties } = message;
    const later = formatFault(message);
    if (later !== undefined) {
      this.#later.hold(this.settler.track(message, this.#clock.monotonic()), later);
      this.#subscription?.took(1, content.length);
      return;
    }
    const places = isPack(properties) ? placesOf(content) : undefined;
    const arrived = this.#track(message, places);
    if (isSuspect(message)) this.#suspected.push(arrived);
    else this.#buffer.push(arrived);
    this.#wake?.();
    this.#subscription?.took(places === undefined ? 1 : places.length / 2, content.length);
  }

  /** @param places where its records lie, if it is a pack */
  #track(message: BrokerMessage, places: readonly number[] | undefined): Delivery | Pack {
    const now = this.#clock.monotonic();
    if (places === undefined) return this.settler.track(message, now);
    const fault = faultOfPack(places.length / 2);
    if (fault === undefined) return this.settler.trackPack(message, places, now);
    const delivery = this.settler.track(message, now);
    delivery.refused = fault;
    return delivery;
  }

  /** Gives a delivery out again after a while, because another consumer has its row in flight. */
  putBack(delivery: Delivery): void {
    this.#busy.push(delivery);
    if (this.#busy.length > 1) return;
    void this.#clock.sleep(BUSY_DELAY, this.#over.signal).then(() => {
      this.#giveOut(this.#busy.splice(0));
    });
  }

  #giveOut(deliveries: readonly (Delivery | Pack)[]): void {
    this.#buffer.push(...deliveries);
    this.#wake?.();
  }

  /** Asks the broker for no more deliveries. Those that came already are still given out. */
  async cancel(): Promise<void> {
    await this.#subscription?.cancel();
  }

  /**
   * Ends the iteration at once. Deliveries that were not given out stay unacknowledged, and are delivered again.
   *
   * @param isFault whether it ends because the code failed: a record that is at work alone is no better then than one that ends the process
   */
  end(isFault = false): void {
    this.#isFault = isFault;
    this.#spare(this.#trial);
    this.#subscription?.end();
    this.#over.abort();
    this.#wake?.();
  }

  /** It is not waited for: Redis may be what is away. Strikes that stay are only some too many. */
  #spare(trial: Group | undefined): void {
    if (!this.#isFault) void trial?.survived().catch(() => {});
  }

  /** How many records were given out, and are neither settled nor put back. */
  get #atWork(): number {
    const waiting = [...this.#buffer, ...this.#suspected].reduce((sum, { records }) => sum + records, 0);
    return this.settler.unsettled - waiting - this.#busy.length - this.#later.held;
  }

  /** The next micro-batch. A pack is parted when its turn comes; what is too much of it is given out in the next. */
  #take(from: (Delivery | Pack)[]): Delivery[] {
    const taken: Delivery[] = [];
    let bytes = 0;
    let parted = 0;
    let fitting = 0;
    const isFull = () => fitting >= MICRO_BATCH || bytes >= MICRO_BATCH_BYTES;
    for (const one of from) {
      if (isFull()) break;
      for (const delivery of one instanceof Delivery ? [one] : one.deliveries) {
        taken.push(delivery);
        if (isFull()) continue;
        fitting += 1;
        bytes += sizeOf(delivery.message);
      }
      parted += 1;
    }
    from.splice(0, parted, ...taken.splice(fitting));
    return taken;
  }

  /** Gives out what was delivered many times, a few records or one at a time, with nothing beside them in any queue. */
  async *#takeSuspects(): AsyncGenerator<Delivery[]> {
    const end = await this.#suspects.begin(this.#suspected.length);
    try {
      while (this.#suspected.length > 0 && !this.#over.signal.aborted) {
        const taken = this.#take(this.#suspected);
        const trial = await this.#suspects.next(taken);
        // They have their strikes, and nobody takes them any more.
        if (this.#over.signal.aborted) return this.#spare(trial);
        this.#trial = trial;
        this.#suspected.unshift(...taken.slice(trial.deliveries.length));
        yield [...trial.deliveries];
        await this.#suspects.untilDone(this.#over.signal);
        // What becomes of the strikes when the session has ended is decided there, for the reason is known there.
        if (this.#over.signal.aborted) return;
        this.#trial = undefined;
        await trial.survived();
      }
    } finally {
      end();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery[]> {
    while (!this.#over.signal.aborted) {
      if (this.#suspected.length > 0) yield* this.#takeSuspects();
      else if (this.#alone.over !== undefined) await this.#alone.over;
      else if (this.#buffer.length > 0) yield this.#take(this.#buffer);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
