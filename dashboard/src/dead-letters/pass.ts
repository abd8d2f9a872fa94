import { type Channel, type Clock, type ConsumeMessage, closeAmqp, RetryableError } from '@tributary/shared';
import type { Broker } from './broker.js';
import { returnsOf } from './returns.js';

/** What becomes of a dead letter: it stays where it is, or it is acknowledged and gone. */
export type Disposition = 'keep' | 'remove';

export interface PassOptions {
  readonly deadQueue: string;
  /** Called once for each letter, in the queue's order, many at a time. A rejection ends the pass; its letter stays. */
  readonly visit: (message: ConsumeMessage) => Disposition | Promise<Disposition>;
  /** The pass ends after so many letters that stay: each is held until the end, or RabbitMQ would deliver it again. */
  readonly atMost: number;
  /** Letters that one channel takes before any of them is settled, at most 65,535 (AMQP's limit). */
  readonly perChannel: number;
  /** A letter that was given back so often is published anew instead. */
  readonly mostReturns: number;
  /** Bytes that may be fetched before the pass ends. */
  readonly atMostBytes: number;
  /**
   * Publishes a letter again to the end of its queue, so that the old one can be removed: each time that a letter is given back
   * counts, and beyond the queue's delivery limit RabbitMQ drops it. Resolves with true when that is confirmed, with false if
   * RabbitMQ takes no more letters.
   */
  readonly renew: (message: ConsumeMessage) => Promise<boolean>;
  /** Ends the pass early; visits that have begun are finished. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Milliseconds without a delivery after which no more are expected. A queue's count may be higher than what it delivers. */
const QUIET = 1_000;

/** A channel, and how many of the letters that it was given stay. */
interface Holder {
  readonly channel: Channel;
  held: number;
}

/** One pass over a dead-letter queue; see sweep.ts for why it goes as it does. */
export class Pass {
  readonly #broker: Broker;
  readonly #options: PassOptions;
  readonly #holders: Holder[] = [];
  readonly #visits = new Set<Promise<void>>();
  #looked = 0;
  #removed = 0;
  /** Letters that were published anew. */
  #renewed = 0;
  #cut = false;
  #failure: unknown;
  #depth = 0;
  #bytes = 0;
  #ended = false;
  /** Whether the channel that consumes has no more room, or the pass has ended. */
  #paused = false;
  /** Settle the promise that #consume waits for: it has paused, or its channel was lost. */
  #onPause: (() => void) | undefined;
  #lost: ((error: Error) => void) | undefined;
  #quiet = new AbortController();

  constructor(broker: Broker, options: PassOptions) {
    this.#broker = broker;
    this.#options = options;
  }

  /** Letters that were seen. */
  get looked(): number {
    return this.#looked;
  }

  get removed(): number {
    return this.#removed;
  }

  /** Whether the pass ended before the queue did. */
  get cut(): boolean {
    return this.#cut;
  }

  /** What the first visit that failed has thrown. */
  get failure(): unknown {
    return this.#failure;
  }

  /** @returns how many letters the queue holds */
  async begin(): Promise<number> {
    const { channel } = await this.#nextHolder();
    this.#depth = (await channel.checkQueue(this.#options.deadQueue)).messageCount;
    return this.#depth;
  }

  /** Resolves when every visit has ended and no more letters come. */
  async finished(): Promise<void> {
    const { signal } = this.#options;
    const cut = () => this.#end(true);
    signal.addEventListener('abort', cut);
    try {
      if (signal.aborted) this.#end(true);
      const [first] = this.#holders;
      for (let holder = first; holder !== undefined; holder = this.#ended ? undefined : await this.#nextHolder()) {
        await this.#consume(holder);
      }
    } finally {
      signal.removeEventListener('abort', cut);
      this.#quiet.abort();
    }
  }

  /**
   * Puts back the letters that stay, in their order.
   * @param untilBack resolves when the queue counts so many letters, with how many it counts
   */
  async giveBack(untilBack: (held: number) => Promise<number>): Promise<number> {
    const holders = this.#holders.splice(0);
    // Letters that no channel took are counted already. Without them in the sum, their count would pass for that of the
    // first channel's letters, and the next channel would close too early.
    const untaken = holders.length > 1 ? await untilBack(0) : 0;
    let held = 0;
    for (const [index, holder] of holders.entries()) {
      held += holder.held;
      await closeAmqp(holder.channel);
      if (index < holders.length - 1) await untilBack(untaken + held);
    }
    return await untilBack(held + this.#renewed);
  }

  /** Closes the channels that are still open; called at the end, also after a failure. */
  async close(): Promise<void> {
    this.#quiet.abort();
    for (const { channel } of this.#holders.splice(0)) await closeAmqp(channel).catch(() => {});
  }

  async #nextHolder(): Promise<Holder> {
    const holder = { channel: await this.#broker.channel(), held: 0 };
    holder.channel.once('close', () =>
      this.#lost?.(new RetryableError('broker_away', 'RabbitMQ went away; try again')),
    );
    this.#holders.push(holder);
    return holder;
  }

  /** Takes letters on one channel, until it has no more room or the pass ends. */
  async #consume(holder: Holder): Promise<void> {
    const { channel } = holder;
    const paused = new Promise<void>((resolve, reject) => {
      this.#onPause = resolve;
      this.#lost = reject;
    });
    // If the channel is lost before this promise is awaited, the calls on the channel throw that.
    paused.catch(() => {});
    try {
      if (this.#ended) return;
      this.#paused = false;
      await channel.prefetch(this.#options.perChannel);
      const { consumerTag } = await channel.consume(this.#options.deadQueue, (message) => this.#take(message, holder));
      this.#watch();
      await paused;
      // Cancelled before anything is given back, or RabbitMQ would deliver it again at once. Letters that arrive before
      // the cancellation are taken all the same.
      await channel.cancel(consumerTag);
      await Promise.all(this.#visits);
    } finally {
      this.#lost = undefined;
    }
  }

  #take(message: ConsumeMessage | null, holder: Holder): void {
    if (message === null) {
      // The queue was deleted.
      this.#end(false);
      return;
    }
    const isOver = this.#ended;
    const visit = this.#settle(message, holder, isOver).finally(() => this.#visits.delete(visit));
    this.#visits.add(visit);
    if (isOver) return;
    const { atMost, atMostBytes } = this.#options;
    this.#looked += 1;
    this.#bytes += message.content.length;
    if (this.#looked >= this.#depth) this.#end(false);
    else if (this.#looked - this.#removed >= atMost || this.#bytes >= atMostBytes) this.#end(true);
    else if (!this.#paused) this.#watch();
  }

  #pause(): void {
    this.#paused = true;
    this.#quiet.abort();
    this.#onPause?.();
  }

  async #settle(message: ConsumeMessage, holder: Holder, isOver: boolean): Promise<void> {
    try {
      // A letter that arrives after the end is not looked at, and given back with the others.
      const disposition = isOver ? 'keep' : await this.#options.visit(message);
      if (
        disposition === 'keep' &&
        returnsOf(message) >= this.#options.mostReturns &&
        (await this.#options.renew(message))
      ) {
        holder.channel.ack(message);
        this.#renewed += 1;
        return;
      }
      if (disposition === 'keep') {
        holder.held += isOver ? 0 : 1;
        // Half of its room is left, so that letters that are removed need not be delivered one by one.
        if (holder.held >= this.#options.perChannel / 2) this.#pause();
        return;
      }
      holder.channel.ack(message);
      this.#removed += 1;
    } catch (error) {
      this.#failure ??= error;
      this.#end(true);
    }
  }

  #end(cut: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cut = cut;
    this.#pause();
  }

  /** Ends the pass when nothing has been delivered for a while. */
  #watch(): void {
    this.#quiet.abort();
    const quiet = new AbortController();
    this.#quiet = quiet;
    void this.#options.clock.sleep(QUIET, quiet.signal).then(() => {
      if (quiet.signal.aborted) return;
      // A visit that takes long keeps the broker from sending more: that is not the end.
      if (this.#visits.size > 0) this.#watch();
      else this.#end(false);
    });
  }
}
