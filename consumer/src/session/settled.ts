import {
  type Clock,
  type HeldOfQueue,
  NumbersOfQueue,
  PUBLICATION_HEADER,
  readPublishedAfter,
  type SettledNotes,
  type SettledNumbers,
  within,
} from '@tributary/shared';
import type { Settled, Settler } from '../intake/settle.js';
import { holdingOf } from './holding.js';

/** Milliseconds between two notes, so that one tells of many deliveries. Their acknowledgements wait for so long. */
const GATHERED = 5;
/** Milliseconds for which it counts what this consumer was last said to hold, while it settles. */
const HELD_KNOWN = 250;
/** Notes without news, so that the producer knows that this consumer lives, and what it holds. */
const HEARTBEAT = 1_000;
/** Milliseconds that it sleeps at most while there is nothing to note. */
const LOOK = 250;
/** Milliseconds after which a note that failed is tried again. */
const AGAIN = 250;

export interface SettledLogOptions {
  readonly notes: SettledNotes;
  /** Names the session. */
  readonly writer: string;
  readonly clock: Clock;
  /** By queue, what knows the deliveries that are not settled. */
  readonly held: () => ReadonlyMap<string, Settler>;
}

/**
 * Notes in Redis which messages are settled, before they are acknowledged, so that the producer learns what the broker has
 * lost (shared/src/redis/publications-settled.ts). A consumer that dies before a note leaves its messages to be delivered again.
 */
export class SettledLog {
  readonly #options: SettledLogOptions;
  readonly #over = new AbortController();
  readonly #ended: Promise<void>;
  readonly #queues = new Map<string, NumbersOfQueue>();
  /** By queue, the highest number of PUBLISHED_AFTER_HEADER of the messages that are settled. */
  readonly #after = new Map<string, number>();
  /** Called when what is gathered is noted. */
  #waiting: (() => void)[] = [];
  #wake = new AbortController();
  #heldAt = Number.NEGATIVE_INFINITY;

  constructor(options: SettledLogOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Undefined if none of the messages is numbered; otherwise resolves when they are noted, in the order of the calls. */
  settled(queue: string, arrivals: readonly Settled[]): Promise<void> | undefined {
    let of = this.#queues.get(queue);
    if (of === undefined) {
      of = new NumbersOfQueue(queue);
      this.#queues.set(queue, of);
    }
    let isNumbered = false;
    let after = this.#after.get(queue) ?? 0;
    for (const { message } of arrivals) {
      const { headers } = message.properties;
      if (of.add(headers?.[PUBLICATION_HEADER])) isNumbered = true;
      after = Math.max(after, readPublishedAfter(headers));
    }
    this.#after.set(queue, after);
    if (!isNumbered) return undefined;
    this.#wake.abort();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Notes what is left. Does not wait long for it. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#wake.abort();
    const { clock, notes, writer } = this.#options;
    const left = this.#ended.then(() => this.#note()).then(() => notes.leave(writer));
    await within(
      clock,
      1_000,
      left.catch(() => {}),
    );
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    for (let idle = 0; !signal.aborted; ) {
      idle += LOOK;
      const isDue = this.#waiting.length > 0 || idle >= HEARTBEAT;
      if (isDue) idle = 0;
      const isNoted = !isDue || (await this.#note());
      this.#wake = new AbortController();
      if (!isNoted) await clock.sleep(AGAIN, signal);
      else if (this.#waiting.length > 0) await clock.sleep(GATHERED, signal);
      else await clock.sleep(LOOK, this.#wake.signal);
    }
  }

  /** @returns whether Redis has it */
  async #note(): Promise<boolean> {
    const { notes, writer, clock } = this.#options;
    // As of now: what is settled after it is in the next note.
    const settled = [...this.#queues.values()].flatMap((queue) => queue.take());
    const waiting = this.#waiting.splice(0);
    const now = clock.monotonic();
    const held = settled.length > 0 && now - this.#heldAt < HELD_KNOWN ? undefined : this.#held();
    try {
      await notes.note(writer, held, settled);
    } catch {
      this.#giveBack(settled);
      this.#waiting.unshift(...waiting);
      return false;
    }
    if (held !== undefined) this.#heldAt = now;
    for (const resolve of waiting) resolve();
    return true;
  }

  #held(): Record<string, HeldOfQueue> {
    const now = this.#options.clock.monotonic();
    const held = [...this.#options.held()].map(([queue, settler]) => {
      return [queue, holdingOf(queue, settler, this.#after.get(queue) ?? 0, now)] as const;
    });
    return Object.fromEntries(held);
  }

  #giveBack(settled: readonly SettledNumbers[]): void {
    for (const one of settled) this.#queues.get(one.queue)?.giveBack(one);
  }
}
