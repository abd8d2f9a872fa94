import { type Channel, type Clock, type ConsumeMessage, RetryableError } from '@tributary/shared';
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
  /** Letters that may be held at once: those that stay must be held until the end, or they would come again. */
  readonly atMost: number;
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
 * Goes through a dead-letter queue once, from its front, and leaves what stays in its order: one consumer holds it all, is
 * cancelled, and its channel closes. RabbitMQ keeps a queue's order through that, but not through nacks on a queue with a
 * delivery limit, nor with several consumers (measured with 3.10; 3,000 letters take some 50 ms). Each look counts as
 * a delivery, which is why the dead letters' own delivery limit is far away (see topology.ts).
 *
 * A process that dies in the middle leaves what it held to the broker, which puts it back.
 *
 * @throws RetryableError if the broker is away
 */
export async function sweep(broker: Broker, options: SweepOptions): Promise<Swept> {
  const { deadQueue, clock } = options;
  const channel = await broker.channel();
  try {
    const depth = await depthOf(channel, deadQueue);
    if (depth === 0) return NOTHING;
    const walk = new Walk(channel, depth, options);
    await walk.finished();
    await channel.close();
    const held = walk.looked - walk.removed;
    const surplus = (await untilBack(broker, deadQueue, held, clock)) - Math.max(held, depth - walk.removed);
    if (walk.failure !== undefined) throw walk.failure;
    return { looked: walk.looked, removed: walk.removed, complete: !walk.cut, surplus };
  } catch (error) {
    if (isMissing(error)) return NOTHING;
    throw asRetryable(error);
  } finally {
    await channel.close().catch(() => {});
  }
}

const NOTHING: Swept = { looked: 0, removed: 0, complete: true, surplus: 0 };

const depthOf = async (channel: Channel, queue: string): Promise<number> =>
  (await channel.checkQueue(queue)).messageCount;

/** One pass over a queue. */
class Walk {
  looked = 0;
  removed = 0;
  /** Whether it ended before the queue did. */
  cut = false;
  failure: unknown;
  #bytes = 0;
  #ended = false;
  #over: (() => void) | undefined;
  #lost: ((error: Error) => void) | undefined;
  #quiet = new AbortController();
  readonly #visits = new Set<Promise<void>>();

  constructor(
    private readonly channel: Channel,
    private readonly depth: number,
    private readonly options: SweepOptions,
  ) {}

  /** Resolves when every visit has ended and no more letters come. */
  async finished(): Promise<void> {
    const { deadQueue, atMost, signal } = this.options;
    const over = new Promise<void>((resolve, reject) => {
      this.#over = resolve;
      this.#lost = reject;
    });
    const cut = () => this.#end(true);
    const lost = () => this.#lost?.(new RetryableError('broker_away', 'RabbitMQ went away; try again'));
    signal.addEventListener('abort', cut);
    this.channel.once('close', lost);
    try {
      if (signal.aborted) this.#end(true);
      await this.channel.prefetch(Math.min(atMost, 65_535));
      const { consumerTag } = await this.channel.consume(deadQueue, (message) => this.#take(message));
      this.#watch();
      await over;
      // Cancelled before anything goes back, or it would come again at once.
      await this.channel.cancel(consumerTag);
      await Promise.all(this.#visits);
    } finally {
      signal.removeEventListener('abort', cut);
      this.channel.off('close', lost);
      this.#quiet.abort();
    }
  }

  #take(message: ConsumeMessage | null): void {
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
    const visit = this.#settle(message).finally(() => this.#visits.delete(visit));
    this.#visits.add(visit);
    if (this.looked >= this.depth) this.#end(false);
    else if (this.looked - this.removed >= atMost || this.#bytes >= atMostBytes) this.#end(true);
    else this.#watch();
  }

  async #settle(message: ConsumeMessage): Promise<void> {
    try {
      if ((await this.options.visit(message)) === 'keep') return;
      this.channel.ack(message);
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
    this.#over?.();
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
