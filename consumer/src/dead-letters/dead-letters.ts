import {
  describeError,
  frameMaxOf,
  maxMessageSizeIn,
  type PoisonError,
  RetryableError,
  within,
} from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';
import { bareOptions, COPY, copyOptions } from './copy.js';
import type { KeptBodies } from './kept-bodies.js';
import { HeldLetters, type Late, type Letter } from './letter.js';
import { type ChannelKeeperOptions, type LetterChannel, LetterChannelKeeper } from './letter-channel.js';
import { Refusals } from './refusals.js';
import { watchLetters } from './watch.js';

/**
 * Remembers which records lie with the dead letters. An API that is polled in full sends the same bad record with every
 * poll, and one dead letter of it is enough. A record is noted after its letter is confirmed. If the note is lost, or the
 * consumer dies before it is made, one more letter is the only consequence.
 */
export interface Buried {
  /** Whether the same record was buried for the same reason. Always false for a record that a person has replayed. */
  has(delivery: Delivery, queue: string, error: PoisonError): Promise<boolean>;
  add(delivery: Delivery, queue: string, error: PoisonError): Promise<void>;
  /** To be called when the record's letter may be there no more. `has` is false then, until another letter is added. */
  forget(delivery: Delivery, queue: string): Promise<void>;
  /** To be called when none of a queue's dead letters is there: the broker lost them, or a person dealt with them all. */
  allGone(queue: string): Promise<void>;
}

/**
 * `broker` is a connection of its own. A broker that is short of memory stops reading from connections that publish, and
 * acknowledgements on such a connection would wait too.
 */
export interface DeadLettersOptions extends Pick<ChannelKeeperOptions, 'broker' | 'topology' | 'clock' | 'log'> {
  readonly buried: Buried;
  readonly kept: KeptBodies;
  /** The letters of one queue that may be held. */
  readonly most: number;
  /** Called with why letters of a queue cannot be buried, and what that means; with undefined when they can again. */
  readonly onProblem: (queue: string, problem: string | undefined) => void;
  /** Called with the letters that are held, by queue, as they change. */
  readonly onHeld: (counts: ReadonlyMap<string, number>) => void;
  /** Called with an error after which the session has to end. */
  readonly onError: (error: unknown) => void;
}

/** Bytes of the bodies that may be held. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Milliseconds that a session waits at its start for the channel. Without one it begins all the same. */
const PATIENCE = 2_000;

/** Milliseconds for which it is taken as known that a letter may lie there. Who erases dead letters looks for them once more after that. */
const JUDGED_FOR = 1_000;

/** How often the broker may close the channel for one letter alone before the letter is made as small as it can be. */
const MOST_STRIKES = 2;

/**
 * Moves messages that can never succeed to the dead letters: the original body and headers, unchanged as far as the broker
 * takes them, and the reason beside them. The copy is confirmed before the original is acknowledged. So a crash in between
 * repeats the copy, and loses nothing.
 *
 * Nothing waits for a burial. While letters cannot be put anywhere (the broker is short of memory and blocks publishers, the
 * dead letters' queue is full, its channel is refused), they are held aside, unacknowledged, and other records go on: the
 * alarm may end only when the backlog is consumed. Beyond a bound the queue's consumer waits for `room`.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #held: HeldLetters;
  readonly #keeper: LetterChannelKeeper;
  readonly #refusals: Refusals;
  readonly #over = new AbortController();
  /** Letters to be sent when there is a channel. */
  #waiting: Letter[] = [];
  /** Letters that were sent and not answered, by their copy's number. */
  readonly #inFlight = new Map<number, Letter>();
  readonly #returned = new Set<number>();
  /** By queue, resolves when what lay there is not remembered any more. */
  readonly #forgotten = new Map<string, Promise<void>>();
  #channel: LetterChannel | undefined;
  #copies = 0;
  #buried = 0;
  /** The largest body that the broker takes. It tells that when it refuses one. */
  #maxBody = Number.POSITIVE_INFINITY;
  /** One letter at a time, to find out for which of them the broker closes the channel. */
  #isCautious = false;
  #isWatched = false;
  /** How many letters are being judged once more. */
  #judging = 0;
  #onQuiet: () => void = () => {};

  constructor(options: DeadLettersOptions) {
    const { broker, topology, clock, log } = options;
    this.#options = options;
    this.#held = new HeldLetters(options.most, MOST_BYTES);
    const send = (letters: readonly Letter[]) => this.#send(letters);
    this.#refusals = new Refusals(clock, this.#over.signal, send, () => this.#askAnew());
    const onOpen = (channel: LetterChannel, empty: readonly string[]) => this.#opened(channel, empty);
    const onClosed = (reason: Error | undefined) => this.#closed(reason);
    this.#keeper = new LetterChannelKeeper({ broker, topology, clock, log, onOpen, onClosed });
  }

  /** Waits a moment for the channel. */
  async started(): Promise<void> {
    await within(this.#options.clock, PATIENCE, this.#keeper.opened);
  }

  /**
   * Takes a message over: acknowledges it when it lies with the dead letters.
   * @param onBuried called then; false if the same record lies there for the same reason already
   * @param late asked before it is sent, if it has waited
   */
  bury(delivery: Delivery, queue: string, error: PoisonError, onBuried: (isNew: boolean) => void, late?: Late): void {
    const copy = ++this.#copies;
    const judgedAt = this.#options.clock.monotonic();
    const letter = { delivery, queue, error, onBuried, late, judgedAt, copy, strikes: 0, isBare: false };
    this.#take({ ...letter, kept: undefined, failure: undefined }).catch(this.#options.onError);
  }

  /**
   * To be called before a replayed record is dropped as a duplicate. The other message of the same content may still be in flight. If the
   * sink refuses its row, it needs a letter of its own: the one that there was went with the replay.
   */
  forget(delivery: Delivery, queue: string): Promise<void> {
    return this.#options.buried.forget(delivery, queue);
  }

  /** Undefined while letters of the queue may be held; otherwise resolves when that is so, or when the session ends. */
  room(queue: string): Promise<void> | undefined {
    return this.#held.room(queue);
  }

  /** Nobody waits for room any more. */
  end(): void {
    this.#held.end();
  }

  /** Resolves when all letters are buried, or when none could be for a while. */
  async settled(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let before = -1; this.#held.size > 0 && this.#buried > before && !signal.aborted; ) {
      before = this.#buried;
      const quiet = new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
      await within(clock, PATIENCE, quiet, signal);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#held.end();
    await this.#keeper.close();
  }

  async #take(letter: Letter): Promise<void> {
    const { buried } = this.#options;
    this.#held.add(letter);
    this.#watch();
    await this.#forgotten.get(letter.queue);
    if (await buried.has(letter.delivery, letter.queue, letter.error)) this.#done(letter, false);
    else this.#send([letter]);
  }

  /** Looks after the letters while there are any. */
  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const over = this.#over.signal;
    const why = (queue: string) => this.#why(queue);
    void watchLetters({ ...this.#options, held: this.#held, over, buried: () => this.#buried, why }).finally(() => {
      this.#isWatched = false;
      if (this.#held.size > 0 && !over.aborted) this.#watch();
    });
  }

  #done(letter: Letter, isNew: boolean): void {
    letter.delivery.ack();
    this.#buried += 1;
    this.#held.delete(letter);
    if (!this.#over.signal.aborted) letter.onBuried(isNew);
    if (this.#held.size === 0) this.#onQuiet();
  }

  /** Sends letters in their order, as far as that is possible now; the others wait. */
  #send(letters: readonly Letter[]): void {
    this.#waiting.push(...letters);
    const waiting = this.#waiting.splice(0);
    for (const [index, letter] of waiting.entries()) {
      if (this.#channel === undefined || (this.#isCautious && this.#inFlight.size + this.#judging > 0)) {
        this.#waiting.push(...waiting.slice(index));
        return;
      }
      if (this.#refusals.delays(letter)) continue;
      if (letter.late !== undefined && this.#options.clock.monotonic() - letter.judgedAt >= JUDGED_FOR) {
        this.#judge(letter, letter.late).catch(this.#options.onError);
        continue;
      }
      if (letter.kept === undefined && (letter.isBare || letter.delivery.message.content.length > this.#maxBody)) {
        void this.#keepBody(letter);
      } else {
        this.#publish(letter, this.#channel);
      }
    }
    if (this.#inFlight.size + this.#judging === 0) this.#isCautious = false;
  }

  /** It may have waited for long, for a queue that was full or a broker that was away. */
  async #judge(letter: Letter, late: Late): Promise<void> {
    this.#judging += 1;
    const mustNotLie = await late.mustNotLie().finally(() => {
      this.#judging -= 1;
    });
    if (!mustNotLie) {
      letter.judgedAt = this.#options.clock.monotonic();
      this.#waiting.unshift(letter);
      this.#send([]);
      return;
    }
    late.forget();
    this.#buried += 1;
    this.#held.delete(letter);
    if (this.#held.size === 0) this.#onQuiet();
    // It may have been the one that was to ask whether the queue takes letters again.
    this.#refusals.over(letter.queue);
    this.#send([]);
  }

  /** Puts the body where the output is. The letter follows when it is durable there. */
  async #keepBody(letter: Letter): Promise<void> {
    try {
      const { content, properties } = letter.delivery.message;
      const messageId = typeof properties.messageId === 'string' ? properties.messageId : '';
      letter.kept = await this.#options.kept.keep(content, { queue: letter.queue, messageId });
      letter.failure = undefined;
      this.#send([letter]);
    } catch (error) {
      letter.failure = `it is too large for RabbitMQ (max_message_size), and its body cannot be kept with the output: ${describeError(error)}`;
      this.#refusals.later(letter);
    }
  }

  #publish(letter: Letter, channel: LetterChannel): void {
    const { topology } = this.#options;
    const { message } = letter.delivery;
    const { kept } = letter;
    const words = {
      error: letter.error,
      queue: letter.queue,
      deadAt: new Date(this.#options.clock.now()).toISOString(),
      copy: letter.copy,
      kept: kept === undefined ? undefined : { id: kept.id, bytes: message.content.length },
    };
    const body =
      kept === undefined
        ? message.content
        : Buffer.from(
            `The body (${message.content.length} bytes) is larger than RabbitMQ takes; it is kept as ${kept.where}`,
          );
    try {
      const options = letter.isBare
        ? bareOptions(message.properties, words)
        : copyOptions(message.properties, words, frameMaxOf(channel));
      this.#inFlight.set(letter.copy, letter);
      channel.publish(topology.deadExchange, letter.queue, body, options, (failure) => this.#answered(letter, failure));
    } catch (error) {
      this.#inFlight.delete(letter.copy);
      // amqplib refuses to publish on a channel that is closing before it emits `close`.
      if (error instanceof Error && error.name === 'IllegalOperationError') this.#waiting.push(letter);
      else if (letter.isBare) this.#options.onError(error);
      else {
        letter.isBare = true;
        this.#waiting.push(letter);
        queueMicrotask(() => this.#send([]));
      }
    }
  }

  #answered(letter: Letter, failure: unknown): void {
    // When the channel closes, amqplib fails all that is unanswered. These letters are sent again on the next channel.
    if (failure instanceof Error && failure.message === 'channel closed') return;
    this.#inFlight.delete(letter.copy);
    if (this.#returned.delete(letter.copy)) {
      const { deadExchange } = this.#options.topology;
      const message = `${letter.queue}.dead is not bound to ${deadExchange}: the consumer declares it again when it begins again`;
      this.#waiting.push(letter);
      this.#options.onError(new RetryableError('dead_letter_unroutable', message));
      return;
    }
    this.#keeper.works();
    if (failure) this.#refusals.refused(letter);
    else this.#confirmed(letter).catch(this.#options.onError);
    this.#send([]);
  }

  async #confirmed(letter: Letter): Promise<void> {
    this.#refusals.over(letter.queue);
    await this.#options.buried.add(letter.delivery, letter.queue, letter.error);
    this.#done(letter, true);
  }

  #opened(channel: LetterChannel, empty: readonly string[]): void {
    this.#channel = channel;
    for (const queue of empty) {
      const forgotten = this.#options.buried.allGone(queue);
      // A failure is thrown where a letter waits for it.
      forgotten.catch(() => {});
      this.#forgotten.set(queue, forgotten);
    }
    channel.on('return', ({ properties }) => this.#returned.add(Number(properties.headers?.[COPY])));
    this.#send([]);
  }

  /**
   * A quorum queue tells a channel that it is full, and when it has given messages out again; but not when its limit was raised
   * or removed. A new channel learns how it is.
   */
  #askAnew(): void {
    if (this.#inFlight.size === 0) this.#keeper.renew();
  }

  #closed(reason: Error | undefined): void {
    this.#channel = undefined;
    const unanswered = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#waiting.unshift(...unanswered);
    const limit = maxMessageSizeIn(reason);
    if (limit !== undefined) this.#maxBody = limit;
    else if (reason !== undefined) this.#suspect(unanswered);
  }

  /** The broker closed the channel for one of these. When it was for one that was sent alone, that one goes without its original. */
  #suspect(letters: readonly Letter[]): void {
    const [only] = letters;
    this.#isCautious = true;
    if (only === undefined || letters.length > 1) return;
    only.strikes += 1;
    if (only.strikes >= MOST_STRIKES) only.isBare = true;
  }

  #why(queue: string): string {
    const failure = this.#held.oldest(queue)?.failure;
    if (failure !== undefined) return failure;
    if (this.#keeper.problem !== undefined) return this.#keeper.problem;
    if (this.#refusals.refuses(queue)) {
      return `${queue}.dead takes no more: it has reached its max-length, or cannot store them. Replay or discard letters, or raise the limit`;
    }
    return 'RabbitMQ does not confirm them (it may be short of memory or disk)';
  }
}
