import type { QueueStats } from '../metrics.js';
import type { PublishOptions } from './channel.js';
import type { OutgoingMessage } from './messages.js';
import type { MessageNumber } from './numbering.js';
import type { PublishRun } from './publish-run.js';

/** A message that is not settled: the broker has not confirmed it, and it has not been given up. */
export interface Held {
  readonly message: OutgoingMessage;
  /** Its records, if there are several, as messages of their own. */
  readonly parts?: readonly OutgoingMessage[] | undefined;
  readonly options: PublishOptions;
  readonly run: PublishRun;
  readonly stats: QueueStats;
  readonly number: MessageNumber | undefined;
  /** The broker returned it. Its confirm still comes, and does not mean that a queue holds it. */
  returned: boolean;
}

/**
 * The messages that are not settled. Each is either in flight, under its delivery tag on the present channel, or waiting to
 * be sent (again). Their number is bounded by callers that await `room`; `add` itself does not refuse.
 */
export class Outbox {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #inFlight = new Map<number, Held>();
  #waiting: Held[] = [];
  #tag = 0;
  #messages = 0;
  #bytes = 0;
  #room: Latch | undefined;
  #empty: Latch | undefined;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#messages;
  }

  add(held: Held): void {
    this.#messages += 1;
    this.#bytes += bytesOf(held);
    held.stats.unconfirmed += recordsOf(held);
  }

  /** Undefined if there is room for more; otherwise a promise, shared by all callers, that resolves when half is free. */
  room(): Promise<void> | undefined {
    if (this.#messages < this.#maxMessages && this.#bytes < this.#maxBytes) return undefined;
    this.#room ??= new Latch();
    return this.#room.promise;
  }

  /** Resolves when every message is settled. */
  emptied(): Promise<void> {
    if (this.#messages === 0) return Promise.resolve();
    this.#empty ??= new Latch();
    return this.#empty.promise;
  }

  /** The message was sent as the next one of the present channel. */
  sent(held: Held): void {
    this.#tag += 1;
    this.#inFlight.set(this.#tag, held);
  }

  /** The message has to be sent later. */
  wait(held: Held): void {
    this.#waiting.push(held);
  }

  /** The messages that an ack or nack answers. They are no longer in flight. */
  answered(tag: number, multiple: boolean): Held[] {
    const found: Held[] = [];
    if (!multiple) {
      const held = this.#inFlight.get(tag);
      if (held !== undefined) found.push(held);
      this.#inFlight.delete(tag);
      return found;
    }
    for (const [sentAs, held] of this.#inFlight) {
      if (sentAs > tag) break;
      this.#inFlight.delete(sentAs);
      found.push(held);
    }
    return found;
  }

  inFlight(messageId: unknown): Held | undefined {
    for (const held of this.#inFlight.values()) {
      if (held.message.envelope.messageId === messageId) return held;
    }
    return undefined;
  }

  /** The channel is closed and no more answers come: messages in flight wait to be sent again, before those that waited. */
  channelLost(): void {
    this.#waiting = [...this.#inFlight.values(), ...this.#waiting];
    this.#inFlight.clear();
    this.#tag = 0;
    this.prune();
  }

  /** Takes all waiting messages, to be sent now. */
  takeWaiting(): Held[] {
    return this.#waiting.splice(0);
  }

  /** Gives up the waiting messages whose runs have failed, and the chosen ones. @returns the chosen ones */
  prune(choose: (held: Held) => boolean = () => false): Held[] {
    const chosen: Held[] = [];
    const kept: Held[] = [];
    for (const held of this.#waiting.splice(0)) {
      if (choose(held)) chosen.push(held);
      else if (!held.run.failed) kept.push(held);
      if (kept.at(-1) !== held) this.settle(held, false);
    }
    this.#waiting.push(...kept);
    return chosen;
  }

  /** The runs whose messages are not all settled. */
  runs(): Set<PublishRun> {
    return new Set([...this.#inFlight.values(), ...this.#waiting].map(({ run }) => run));
  }

  settle(held: Held, confirmed: boolean): void {
    this.#messages -= 1;
    this.#bytes -= bytesOf(held);
    const records = recordsOf(held);
    held.stats.unconfirmed -= records;
    if (confirmed) held.stats.confirmed += records;
    held.run.settle(confirmed, held.number, records);
    if (this.#messages <= this.#maxMessages / 2 && this.#bytes <= this.#maxBytes / 2) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    if (this.#messages > 0) return;
    this.#empty?.resolve();
    this.#empty = undefined;
  }
}

/** Bytes that a record of a pack takes beside its body: its envelope. */
const FOR_A_RECORD = 600;

/**
 * The memory that a message takes, about. Of a pack the records are held too: were only its body counted, a thousand packs of small records
 * would take four times as much as they may.
 */
const bytesOf = ({ message, parts }: Held): number =>
  parts === undefined ? message.body.length : message.body.length * 2 + parts.length * FOR_A_RECORD;

/** How many records the message holds. */
export const recordsOf = ({ parts }: Held): number => parts?.length ?? 1;

/** A promise that many await and one call resolves. */
class Latch {
  resolve: () => void = () => {};
  readonly promise = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });
}
