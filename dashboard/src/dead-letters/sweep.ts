import type { Clock } from '@tributary/shared';
import { asRetryable, type Broker, isMissing } from './broker.js';
import { Pass, type PassOptions } from './pass.js';

export interface Swept {
  /** Letters that were seen. */
  readonly looked: number;
  readonly removed: number;
  /** False if there are more letters than were seen. */
  readonly complete: boolean;
  /**
   * Letters in the queue afterwards beyond those that stayed: new ones, or letters whose acknowledgement RabbitMQ had not
   * processed when the channel closed (a quorum queue processes many at once, at its own time).
   */
  readonly surplus: number;
}

/** Milliseconds within which a queue should have back what was held. */
const RETURN = 5_000;

const NOTHING: Swept = { looked: 0, removed: 0, complete: true, surplus: 0 };

/**
 * Goes through a dead-letter queue once, from its front, and leaves what stays in its order: one consumer holds the letters,
 * is cancelled, and its channel closes. Where there are more letters than one channel may hold, the next channel continues
 * after the one before is cancelled, and they close one after the other. RabbitMQ keeps a queue's order through that, but
 * not through nacks on a queue with a delivery limit, nor with several consumers at once (measured with 3.10; 3,000 letters
 * take some 50 ms).
 *
 * Each sweep counts as a delivery of every letter, and beyond the delivery limit RabbitMQ drops a letter. The queues have a
 * high limit of their own (topology.ts), but a policy may set a lower one, and no client is told. So it is tried out with a message
 * of our own (returns.ts), and a letter that was given back a few times, or as often as the limit allows, is published anew to the end of its queue, and
 * then the old one is removed. (A stream beside each queue could be read
 * without deliveries. But it would show letters that are gone, and lack those from before there was one.)
 *
 * If the process dies during a sweep, RabbitMQ puts back what it held. A letter that was just published anew is then there twice,
 * under one id.
 *
 * @throws RetryableError if the broker is away
 */
export async function sweep(broker: Broker, options: PassOptions): Promise<Swept> {
  const { deadQueue, clock } = options;
  const pass = new Pass(broker, options);
  try {
    const depth = await pass.begin();
    if (depth === 0) return NOTHING;
    await pass.finished();
    const there = await pass.giveBack((held) => untilBack(broker, deadQueue, held, clock));
    const surplus = there - Math.max(pass.looked - pass.removed, depth - pass.removed);
    if (pass.failure !== undefined) throw pass.failure;
    return { looked: pass.looked, removed: pass.removed, complete: !pass.cut, surplus };
  } catch (error) {
    if (isMissing(error)) return NOTHING;
    throw asRetryable(error);
  } finally {
    await pass.close();
  }
}

/** Waits until the queue counts again what was given back, so that the next sweep finds it. */
async function untilBack(broker: Broker, queue: string, held: number, clock: Clock): Promise<number> {
  const until = clock.monotonic() + RETURN;
  for (;;) {
    const there = (await broker.depth(queue))?.messages ?? held;
    if (there >= held || clock.monotonic() > until) return there;
    await clock.sleep(10);
  }
}
