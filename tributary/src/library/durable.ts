import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Consumer, DeadRecord, ErasedRecord } from '@tributary/consumer';
import type { Operations, SentRecord } from '@tributary/producer';
import { type Clock, FatalError, inTime, interruptible, RetryableError } from '@tributary/shared';

/** Milliseconds between two looks whether a record is settled: at first, and at most. */
const LOOK = 20;
const LONGEST_LOOK = 250;

/** Records that died, or whose key was erased, that are remembered while records are on their way. */
const MOST_LOST = 10_000;

export interface DurableOptions {
  readonly operations: Pick<Operations, 'send' | 'isSettled'>;
  readonly consumer: Pick<Consumer, 'flushNow' | 'problems'>;
  readonly clock: Clock;
  /** Aborted when nothing is waited for any more. */
  readonly signal: AbortSignal;
}

/** A look at what was sent together. */
interface Look {
  readonly settled: Promise<void>;
  /** When nobody waits for it any more, by the clock that is never set. */
  until: number;
}

/**
 * Publishes records, and tells when they are durable: consumers note each message that is settled, before they acknowledge it. So it does not matter
 * which process writes the row. The consumer of this process writes at once what waits for its batch.
 */
export class DurablePublisher {
  readonly #options: DurableOptions;
  /** By the numbers of what was sent together. */
  readonly #looks = new Map<SentRecord['numbers'], Look>();
  /** Why records were not written, since the first of those was sent that are on their way: by message id and by content. */
  readonly #lost = new Map<string, FatalError>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: DurableOptions) {
    this.#options = options;
    // Every look listens to it, and there may be many: that is not a leak.
    setMaxListeners(0, options.signal);
  }

  /** To be called with each record that died here. */
  dead(record: DeadRecord): void {
    const { reason, code } = record;
    this.#lose(record, () => new FatalError('record_died', `${reason}; it lies with the dead letters (${code})`));
  }

  /** To be called with each record that was not written here since its key was erased. */
  erased(record: ErasedRecord): void {
    this.#lose(
      record,
      () => new FatalError('record_erased', `${record.entity}: its key was erased, so it was not written`),
    );
  }

  /** To be called with each record that was not written here since it is kept no longer. */
  tooOld(record: ErasedRecord): void {
    this.#lose(
      record,
      () =>
        new FatalError(
          'record_too_old',
          `${record.entity}: it is older than retention.rows keeps, so it was not written`,
        ),
    );
  }

  #lose({ entity, messageId, record }: ErasedRecord, why: () => FatalError): void {
    if (this.#underWay.size === 0) return;
    const lost = why();
    this.#lost.set(messageId, lost);
    this.#lost.set(contentOf(entity, record), lost);
    for (const id of this.#lost.keys()) {
      if (this.#lost.size <= MOST_LOST) break;
      this.#lost.delete(id);
    }
  }

  /** Resolves when nothing is on its way. Does not reject. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }

  /**
   * Resolves when the record's row is durable, or one of the same or a newer content of its key.
   * @param timeout milliseconds
   * @throws FatalError if it is not valid, has become a dead letter, or is of a key that was erased
   * @throws RetryableError if RabbitMQ has it, and it is not known to be durable in time
   */
  async publish(entity: string, record: unknown, timeout: number): Promise<void> {
    const published = Promise.resolve().then(() => this.#publish(entity, record, timeout));
    this.#underWay.add(published);
    try {
      await published;
    } finally {
      this.#underWay.delete(published);
      if (this.#underWay.size === 0) this.#lost.clear();
    }
  }

  async #publish(entity: string, record: unknown, timeout: number): Promise<void> {
    const sent = await this.#options.operations.send(entity, record);
    const { clock, consumer } = this.#options;
    await inTime(clock, timeout, this.#lookOf(sent.numbers, timeout), () =>
      notDurable(entity, timeout, consumer.problems().join('; ') || 'the consumer has not come to it'),
    );
    const lost = this.#lost.get(sent.messageId) ?? this.#lost.get(contentOf(entity, sent.body));
    if (lost !== undefined) throw lost;
  }

  /** One look for all that was sent together. */
  #lookOf(numbers: SentRecord['numbers'], timeout: number): Promise<void> {
    const until = this.#options.clock.monotonic() + timeout + LONGEST_LOOK;
    const known = this.#looks.get(numbers);
    if (known !== undefined) {
      known.until = Math.max(known.until, until);
      return known.settled;
    }
    const settled = this.#look(numbers).finally(() => this.#looks.delete(numbers));
    this.#looks.set(numbers, { settled, until });
    settled.catch(() => {});
    return settled;
  }

  async #look(numbers: SentRecord['numbers']): Promise<void> {
    const { clock, signal } = this.#options;
    for (let wait = LOOK; ; wait = Math.min(wait * 1.5, LONGEST_LOOK)) {
      await this.#flush();
      if (await this.#isSettled(numbers)) break;
      await clock.sleep(wait, signal);
      // RabbitMQ may have lost it: then it is published again, under other numbers.
      if (clock.monotonic() > (this.#looks.get(numbers)?.until ?? 0)) throw new Error('nobody waits for it any more');
    }
    // A duplicate is settled while the record of the same content that came before it may still wait for its batch.
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const { consumer, signal } = this.#options;
    await interruptible(consumer.flushNow(), signal);
  }

  /** Redis may be away, and come again. */
  async #isSettled(numbers: SentRecord['numbers']): Promise<boolean> {
    const { operations, signal } = this.#options;
    try {
      return await interruptible(operations.isSettled({ numbers }), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FatalError) throw error;
      return false;
    }
  }
}

const notDurable = (entity: string, timeout: number, why: string) =>
  new RetryableError(
    'not_durable',
    `a record of ${entity} is in its queue, and was not known to be durable after ${timeout} ms: ${why}`,
  );

const contentOf = (entity: string, record: string | Buffer): string =>
  createHash('sha256').update(`${entity}\n`).update(record).digest('base64');
