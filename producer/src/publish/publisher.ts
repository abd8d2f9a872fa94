import {
  type Clock,
  describeError,
  FatalError,
  type Logger,
  maxMessageSizeIn,
  publishOptions,
  RetryableError,
  type Topology,
} from '@tributary/shared';
import { newQueueStats, type QueueStats } from '../metrics.js';
import { isClosing, type PublishChannel, type PublishConnection, type PublishOptions } from './channel.js';
import { type ChannelUser, ConfirmChannelKeeper } from './confirm-channel.js';
import { ConfirmWatch } from './confirm-watch.js';
import type { OutgoingMessage } from './messages.js';
import { Numbering } from './numbering.js';
import { type Held, Outbox, recordsOf } from './outbox.js';
import { messageOf, optionsOf, type PackBounds, Packs } from './packs.js';
import { PublishRun } from './publish-run.js';
import { QueueWait } from './queue-wait.js';
import { TracedRun } from './traced-run.js';

export interface PublisherOptions {
  readonly connection: PublishConnection;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  /** How many messages may be unconfirmed at a time; 1,000 unless given. */
  readonly window?: number;
  /** How many bytes may be unconfirmed at a time: message bodies, and what is held of a pack's records; 32 MiB unless given. */
  readonly windowBytes?: number;
  /** The bounds of a pack; each record is a message of its own unless given. */
  readonly pack?: PackBounds | undefined;
  /** Gives the number of PUBLISHED_AFTER_HEADER. Messages are numbered, so that it can be noted which of them are settled, if it is there. */
  readonly drawn?: (() => number) | undefined;
  /**
   * What is sent in the place of a message that is larger than the broker takes: the consumer makes a dead letter of it. Without
   * it such a message is left out.
   */
  readonly standIn?: (message: OutgoingMessage, limit: number) => OutgoingMessage;
  /** Whether spans end with what is confirmed. False unless given. */
  readonly isTraced?: boolean | undefined;
}

/** The `max_message_size` of RabbitMQ 4, in bytes. If a broker has a lower one, its refusal says so. */
const MAX_MESSAGE_SIZE = 16 * 1024 * 1024;

/** Unconfirmed messages from which on records wait for others to be sent together, unless given; until a quarter, they wait for no more. */
const PACKED_FROM = 64;
const PACKED_UNTIL = 0.25;

/**
 * Publishes messages and keeps each until the broker has confirmed it. Messages that were not confirmed when a channel
 * closed are published again on the next one, with the same message ids. While the broker is away or a queue is full, the
 * publisher waits; its memory stays bounded because its callers wait too.
 */
export class Publisher implements ChannelUser {
  readonly #options: PublisherOptions;
  readonly #outbox: Outbox;
  readonly #keeper: ConfirmChannelKeeper;
  readonly #stats: ReadonlyMap<string, QueueStats>;
  readonly #queueWait: QueueWait;
  readonly #confirmWatch: ConfirmWatch;
  /** By endpoint. */
  readonly #numberings = new Map<string, Numbering>();
  /** Undefined if each record is a message of its own. */
  readonly #packs: Packs | undefined;
  readonly #packedFrom: number;
  /** Whether what waits to be packed is sent when this turn of the event loop is over. */
  #isSentSoon = false;
  #channel: PublishChannel | undefined;
  /** The fault that a person has to mend before any run can succeed. */
  #fault: FatalError | undefined;
  #maxMessageSize = MAX_MESSAGE_SIZE;

  constructor(options: PublisherOptions) {
    const { window = 1_000, windowBytes = 32 * 1024 * 1024, topology } = options;
    this.#options = options;
    this.#outbox = new Outbox(window, windowBytes);
    this.#packs = this.#packsOf(options.pack);
    this.#packedFrom = options.pack?.from ?? PACKED_FROM;
    this.#stats = new Map(topology.queues.map(({ entity, queue }) => [entity, newQueueStats(queue)]));
    this.#queueWait = new QueueWait(options, () => this.#sendWaiting());
    this.#confirmWatch = new ConfirmWatch(options, this.#stats.values());
    this.#keeper = new ConfirmChannelKeeper(options, this);
    void this.#keeper.keepOpen();
  }

  /**
   * Begins a run: messages that are awaited together.
   * @param endpoint whose run it is; the one before has ended
   */
  begin(endpoint = ''): PublishRun {
    // What a run that failed has left is numbered as of that run.
    this.#packs?.sendAll();
    const accept = (message: OutgoingMessage, run: PublishRun) => this.#accept(message, run);
    const Run = this.#options.isTraced === true ? TracedRun : PublishRun;
    return new Run(accept, this.#numberingOf(endpoint), () => this.#packs?.sendAll());
  }

  #numberingOf(endpoint: string): Numbering | undefined {
    const { drawn } = this.#options;
    if (drawn === undefined) return undefined;
    const numbering = this.#numberings.get(endpoint) ?? new Numbering(drawn);
    this.#numberings.set(endpoint, numbering);
    numbering.begin();
    return numbering;
  }

  #packsOf(bounds: PackBounds | undefined): Packs | undefined {
    if (bounds === undefined || bounds.records === 1) return undefined;
    return new Packs(bounds, (messages, run) => {
      const stats = this.#stats.get(messages[0]?.envelope.entity ?? '');
      if (stats !== undefined) this.#hold(messages, run, stats);
    });
  }

  get stats(): readonly QueueStats[] {
    return [...this.#stats.values()];
  }

  /** Why it cannot publish now, in words; undefined if it can. */
  get problem(): string | undefined {
    return this.#keeper.problem ?? this.#queueWait.problem ?? this.#confirmWatch.problem;
  }

  /** Resolves when every message is settled. */
  drained(): Promise<void> {
    this.#packs?.sendAll();
    return this.#outbox.emptied();
  }

  /** Gives up unconfirmed messages, which fails their runs. The connection is closed by the caller that made it. */
  close(): void {
    this.#keeper.close();
    this.#queueWait.close();
    this.#confirmWatch.close();
    const left = 'stopped before RabbitMQ had confirmed every message; the next poll publishes them again';
    this.failed(new RetryableError('publisher_closed', left));
    this.closed(undefined);
  }

  #accept(message: OutgoingMessage, run: PublishRun): Promise<void> | undefined {
    const { entity } = message.envelope;
    const stats = this.#stats.get(entity);
    if (stats === undefined) throw new Error(`no queue for entity ${entity}`);
    if (this.#packs !== undefined && message.body.length <= this.#maxMessageSize) {
      // While RabbitMQ keeps up, each record travels alone.
      const waits = this.#outbox.size >= this.#packedFrom || this.#packs.has(entity);
      if (waits) this.#packs.add(message, run, this.#maxMessageSize);
      else this.#hold([message], run, stats);
      // No confirm comes that would send it.
      if (waits && this.#outbox.size === 0) this.#sendSoon();
    } else if (message.body.length > this.#maxMessageSize) {
      this.#packs?.send(entity);
      const number = run.numbering?.numberOf(entity);
      const options = publishOptions(message.envelope, number);
      const held: Held = { message, options, run, stats, number, returned: false };
      this.#tellTooLarge(held);
      const standIn = this.#standInOf(message);
      if (standIn !== undefined) return this.#accept(standIn, run);
      this.#outbox.add(held);
      this.#outbox.settle(held, false);
    } else {
      this.#hold([message], run, stats);
    }
    if (this.#fault !== undefined) this.failed(this.#fault);
    return this.#outbox.room();
  }

  #sendSoon(): void {
    if (this.#isSentSoon) return;
    this.#isSentSoon = true;
    setImmediate(() => {
      this.#isSentSoon = false;
      this.#packs?.sendAll();
    });
  }

  /** Sends records in one message, now or when there is a channel. */
  #hold(records: readonly OutgoingMessage[], run: PublishRun, stats: QueueStats): void {
    const [first, ...others] = records;
    if (first === undefined) return;
    if (run.failed) {
      run.settle(false, undefined, records.length);
      return;
    }
    const message = messageOf([first, ...others]);
    const number = run.numbering?.numberOf(first.envelope.entity, records.length);
    const options = optionsOf(message, records.length, number);
    const parts = others.length === 0 ? undefined : records;
    const held: Held = { message, parts, options, run, stats, number, returned: false };
    this.#outbox.add(held);
    this.#send(held);
  }

  /** Undefined if nothing stands in for it, or if even that would be too large. */
  #standInOf(message: OutgoingMessage): OutgoingMessage | undefined {
    const standIn = this.#options.standIn?.(message, this.#maxMessageSize);
    return standIn !== undefined && standIn.body.length <= this.#maxMessageSize ? standIn : undefined;
  }

  #send(held: Held): void {
    const { message, options, stats, run } = held;
    try {
      if (this.#publish(message, options)) {
        stats.published += recordsOf(held);
        this.#outbox.sent(held);
        this.#confirmWatch.sent();
      } else {
        this.#outbox.wait(held);
      }
    } catch (error) {
      run.fail(new FatalError('message_invalid', `a message cannot be encoded: ${describeError(error)}`));
      this.#outbox.settle(held, false);
    }
  }

  /** @returns whether a channel was open to publish on */
  #publish({ envelope, body }: OutgoingMessage, options: PublishOptions): boolean {
    try {
      this.#channel?.publish(this.#options.topology.exchange, envelope.entity, body, options);
      return this.#channel !== undefined;
    } catch (error) {
      // amqplib refuses to publish on a channel that is closing before it emits `close`.
      if (isClosing(error)) return false;
      throw error;
    }
  }

  opened(channel: PublishChannel): void {
    this.#fault = undefined;
    this.#channel = channel;
    channel.on('ack', ({ deliveryTag, multiple }) => this.#onAck(deliveryTag, multiple));
    channel.on('nack', ({ deliveryTag, multiple }) => this.#onNack(deliveryTag, multiple));
    channel.on('return', ({ properties }) => this.#onReturn(channel, properties.messageId));
    this.#sendWaiting();
  }

  closed(reason: Error | undefined): void {
    this.#channel = undefined;
    this.#packs?.sendAll();
    this.#outbox.channelLost();
    // RabbitMQ closes the channel if one message is too large. Without that message the others can be published.
    const limit = maxMessageSizeIn(reason);
    if (limit === undefined) return;
    this.#maxMessageSize = limit;
    const isTooLarge = (held: Held) => held.message.body.length > limit;
    // What stands in for a message is accepted before the message is given up: its run must not end in between.
    const choose = (held: Held) => {
      if (!isTooLarge(held)) return false;
      if (held.parts !== undefined) {
        if (!held.run.failed) for (const part of held.parts) void held.run.publish(part);
        return true;
      }
      const standIn = this.#standInOf(held.message);
      if (standIn !== undefined && !held.run.failed) void held.run.publish(standIn);
      return true;
    };
    for (const held of this.#outbox.prune(choose)) if (held.parts === undefined) this.#tellTooLarge(held);
  }

  failed(error: FatalError | RetryableError): void {
    this.#fault = error instanceof FatalError ? error : undefined;
    this.#packs?.sendAll();
    for (const run of this.#outbox.runs()) run.fail(error);
    this.#outbox.prune();
  }

  #onAck(tag: number, multiple: boolean): void {
    for (const held of this.#outbox.answered(tag, multiple)) {
      this.#outbox.settle(held, !held.returned);
      if (!held.returned) this.#queueWait.over(held.stats.queue);
    }
    if (this.#outbox.size <= this.#packedFrom * PACKED_UNTIL) this.#packs?.sendAll();
    this.#keeper.works();
  }

  #onNack(tag: number, multiple: boolean): void {
    for (const held of this.#outbox.answered(tag, multiple)) {
      held.stats.rejected += recordsOf(held);
      this.#outbox.wait(held);
      void this.#queueWait.begin(held.stats.queue);
    }
    this.#keeper.works();
  }

  #sendWaiting(): void {
    for (const held of this.#outbox.takeWaiting()) this.#send(held);
  }

  /** No queue took the message. RabbitMQ returns it before it confirms it. */
  #onReturn(channel: PublishChannel, messageId: unknown): void {
    const held = this.#outbox.inFlight(messageId);
    if (held === undefined || held.returned) return;
    held.returned = true;
    held.stats.returned += recordsOf(held);
    const { entity } = held.message.envelope;
    const problem = `queue "${held.stats.queue}" is gone, or not bound to exchange "${this.#options.topology.exchange}" with key "${entity}"`;
    const remedy = 'it is declared again now, and the next poll publishes everything again';
    const first = !held.run.failed;
    held.run.fail(new RetryableError('unroutable', `RabbitMQ returned a message: ${problem}; ${remedy}`));
    // The next channel declares the topology again.
    if (first) channel.close().catch(() => {});
  }

  #tellTooLarge({ message, stats }: Held): void {
    const { endpoint, entity, key } = message.envelope;
    stats.tooLarge += 1;
    this.#options.log.error(
      { endpoint, entity, key, bytes: message.body.length, limit: this.#maxMessageSize },
      `a record is larger than RabbitMQ takes (max_message_size); ${this.#options.standIn === undefined ? 'it is left out' : 'a dead letter tells of it'}`,
    );
  }
}
