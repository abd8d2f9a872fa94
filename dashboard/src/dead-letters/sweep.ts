import { type Channel, type Clock, type ConsumeMessage, closeChannel, RetryableError } from '@tributary/shared';
import { asRetryable, type Broker, isMissing } from '../broker.js';

/** What becomes of a dead letter: it stays where it is, or is acknowledged and gone. */
export type Verdict = 'keep' | 'remove';

export interface Swept {
  /** Letters that were seen. */
  readonly looked: number;
  readonly removed: number;
  /** False if there are more than were seen. */
  readonly complete: boolean;
  /**
   * Letters that lie there afterwards beyond those that stayed: new ones, or some whose acknowledgement RabbitMQ had not
   * taken in when the channel closed (a quorum queue takes many at once in its own time).
   */
  readonly surplus: number;
}

export interface SweepOptions {
  readonly deadQueue: string;
  /** Told of each letter once, in their order, many at a time. A rejection ends the sweep; its letter stays. */
  readonly visit: (message: ConsumeMessage) => Verdict | Promise<Verdict>;
  /** Letters that stay after which the sweep ends: they must be held until then, or they would come again. */
  readonly atMost: number;
  /** Letters that one channel takes before it has settled any, at most 65,535 (AMQP's limit). */
  readonly perChannel: number;
  /** Bytes that may be fetched before the sweep ends. */
  readonly atMostBytes: number;
  /** Ends the sweep early; what is under way is finished. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Milliseconds without a delivery after which there are no more. A queue's count may run ahead of what it gives out. */
const QUIET = 1_000;
/** Milliseconds that a queue gets to have back what was held. */
const RETURN = 5_000;

/**
 * Goes through a dead-letter queue once, from its front, and leaves what stays in its order: one consumer holds it, is
 * cancelled, and its channel closes. Where there is more than one channel may hold, the next goes on once the one before is
 * cancelled, and they close in turns. RabbitMQ keeps a queue's order through that, but not through nacks on a queue with a
 * delivery limit, nor with several consumers at once (measured with 3.10; 3,000 letters take some 50 ms). Each look counts
 * as a delivery, which is why the dead letters' own delivery limit is far away (see topology.ts).
 *
 * A process that dies in the middle leaves what it held to the broker, which puts it back.
 *
 * @throws RetryableError if the broker is away
 */
export async function sweep(broker: Broker, options: SweepOptions): Promise<Swept> {
  const { deadQueue, clock } = options;
  const walk = new Walk(broker, options);
  try {
    const depth = await walk.begin();
    if (depth === 0) return NOTHING;
    await walk.finished();
    const there = await walk.giveBack((held) => untilBack(broker, deadQueue, held, clock));
    const surplus = there - Math.max(walk.looked - walk.removed, depth - walk.removed);
    if (walk.failure !== undefined) throw walk.failure;
    return { looked: walk.looked, removed: walk.removed, complete: !walk.cut, surplus };
  } catch (error) {
    if (isMissing(error)) return NOTHING;
    throw asRetryable(error);
  } finally {
    await walk.close();
  }
}

const NOTHING: Swept = { looked: 0, removed: 0, complete: true, surplus: 0 };

/** A channel with the letters that stay among those it was given. */
interface Holder {
  readonly channel: Channel;
  held: number;
}

/** One pass over a queue. */
class Walk {
  looked = 0;
  removed = 0;
  /** Whether it ended before the queue did. */
  cut = false;
  failure: unknown;
  #depth = 0;
  #bytes = 0;
  #ended = false;
  /** Whether the channel that consumes has no more room, or the walk ends; and who waits for that. */
  #paused = false;
  #onPause: (() => void) | undefined;
  #lost: ((error: Error) => void) | undefined;
  #quiet = new AbortController();
  readonly #holders: Holder[] = [];
  readonly #visits = new Set<Promise<void>>();

  constructor(
    private readonly broker: Broker,
    private readonly options: SweepOptions,
  ) {}

  /** @returns how many letters there are */
  async begin(): Promise<number> {
    const { channel } = await this.#nextHolder();
    this.#depth = (await channel.checkQueue(this.options.deadQueue)).messageCount;
    return this.#depth;
  }

  /** Resolves when every visit has ended and no more letters come. */
  async finished(): Promise<void> {
    const { signal } = this.options;
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

  /** Puts back what stays, in its order. @param untilBack resolves when so many are there, with how many there are */
  async giveBack(untilBack: (held: number) => Promise<number>): Promise<number> {
    const holders = this.#holders.splice(0);
    // What nobody took is there already, and says nothing of whether what the first channel held is back before the next's.
    const untaken = holders.length > 1 ? await untilBack(0) : 0;
    let held = 0;
    for (const [index, holder] of holders.entries()) {
      held += holder.held;
      await closeChannel(holder.channel);
      if (index < holders.length - 1) await untilBack(untaken + held);
    }
    return await untilBack(held);
  }

  /** Whatever happened. */
  async close(): Promise<void> {
    this.#quiet.abort();
    for (const { channel } of this.#holders.splice(0)) await closeChannel(channel).catch(() => {});
  }

  async #nextHolder(): Promise<Holder> {
    const holder = { channel: await this.broker.channel(), held: 0 };
    holder.channel.once('close', () =>
      this.#lost?.(new RetryableError('broker_away', 'RabbitMQ went away; try again')),
    );
    this.#holders.push(holder);
    return holder;
  }

  /** Takes letters on one channel, until it has no more room or the walk ends. */
  async #consume(holder: Holder): Promise<void> {
    const { channel } = holder;
    const paused = new Promise<void>((resolve, reject) => {
      this.#onPause = resolve;
      this.#lost = reject;
    });
    // Lost before anybody waits for it, the channel says so in the answers to its calls.
    paused.catch(() => {});
    try {
      if (this.#ended) return;
      this.#paused = false;
      await channel.prefetch(this.options.perChannel);
      const { consumerTag } = await channel.consume(this.options.deadQueue, (message) => this.#take(message, holder));
      this.#watch();
      await paused;
      // Cancelled before anything goes back, or it would come again at once. What comes until then is taken all the same.
      await channel.cancel(consumerTag);
      await Promise.all(this.#visits);
    } finally {
      this.#lost = undefined;
    }
  }

  #take(message: ConsumeMessage | null, holder: Holder): void {
    // What comes after the end goes back with the rest.
    if (this.#ended) return;
    if (message === null) {
      // The queue was deleted.
      this.#end(false);
      return;
    }
    const { atMost, atMostBytes } = this.options;
    this.looked += 1;
    this.#bytes += message.content.length;
    const visit = this.#settle(message, holder).finally(() => this.#visits.delete(visit));
    this.#visits.add(visit);
    if (this.looked >= this.#depth) this.#end(false);
    else if (this.looked - this.removed >= atMost || this.#bytes >= atMostBytes) this.#end(true);
    else if (!this.#paused) this.#watch();
  }

  #pause(): void {
    this.#paused = true;
    this.#quiet.abort();
    this.#onPause?.();
  }

  async #settle(message: ConsumeMessage, holder: Holder): Promise<void> {
    try {
      if ((await this.options.visit(message)) === 'keep') {
        holder.held += 1;
        // Half of its room is left, so that those that go need not go one by one.
        if (holder.held >= this.options.perChannel / 2) this.#pause();
        return;
      }
      holder.channel.ack(message);
      this.removed += 1;
    } catch (error) {
      this.failure ??= error;
      this.#end(true);
    }
  }

  #end(cut: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.cut = cut;
    this.#pause();
  }

  #watch(): void {
    this.#quiet.abort();
    const quiet = new AbortController();
    this.#quiet = quiet;
    void this.options.clock.sleep(QUIET, quiet.signal).then(() => {
      // A visit that takes its time keeps the broker from sending more: that is no end.
      if (quiet.signal.aborted) return;
      if (this.#visits.size > 0) this.#watch();
      else this.#end(false);
    });
  }
}

/** What was given back is there again a moment later; whoever looks next should find it. */
async function untilBack(broker: Broker, queue: string, held: number, clock: Clock): Promise<number> {
  const until = clock.now() + RETURN;
  for (;;) {
    const there = (await broker.depth(queue))?.messages ?? held;
    if (there >= held || clock.now() > until) return there;
    await clock.sleep(10);
  }
}
