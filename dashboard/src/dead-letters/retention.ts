import { type Clock, Counter, describeError, Gauge, type Logger, type Registry } from '@tributary/shared';
import type { AuditLog } from '../audit/audit.js';
import type { Daily } from './daily.js';
import type { DeadLetters, Expired } from './dead-letters.js';

export interface LetterRetentionOptions {
  /** Milliseconds for which a letter is kept; undefined: for ever. */
  readonly keep: number | undefined;
  readonly deadLetters: Pick<DeadLetters, 'expire'>;
  /** Whether RabbitMQ can be asked now. */
  readonly isReachable: () => boolean;
  readonly daily: Daily;
  readonly audit: Pick<AuditLog, 'begin'>;
  /** Names this dashboard among others. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds between two times that what is too old is removed, between two looks whether it is time, and until it is tried again. */
const DAY = 86_400_000;
const LOOK_EVERY = 60_000;
const TRY_AGAIN = 3_600_000;

/**
 * Removes dead letters that are too old, once a day. One dashboard of several does it; if it dies, another one goes on after an hour.
 * Wherever it ends, each letter is there or gone, and the next time goes on.
 */
export class LetterRetention {
  readonly #options: LetterRetentionOptions;
  readonly #stopped = new AbortController();
  readonly #expired = new Map<string, number>();
  #undated: ReadonlyMap<string, number> = new Map();
  #watching: Promise<void> | undefined;

  constructor(options: LetterRetentionOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.keep !== undefined) this.#watching ??= this.#watch(this.#options.keep);
  }

  /** A letter that is being removed is finished. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  register(registry: Registry): void {
    const expired = this.#expired;
    const undated = () => this.#undated;
    new Counter({
      name: 'tributary_dead_letters_expired_total',
      help: 'Dead letters that this dashboard has removed because they were older than retention.deadLetters',
      labelNames: ['queue'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [queue, count] of expired) this.inc({ queue }, count);
      },
    });
    new Gauge({
      name: 'tributary_dead_letters_undated',
      help: 'Dead letters that do not say when they were buried, and so stay, when this dashboard last looked for old ones',
      labelNames: ['queue'],
      registers: [registry],
      collect() {
        for (const [queue, count] of undated()) this.set({ queue }, count);
      },
    });
  }

  async #watch(keep: number): Promise<void> {
    const { isReachable, daily, clock, log } = this.#options;
    const { signal } = this.#stopped;
    for (;;) {
      await clock.sleep(LOOK_EVERY, signal);
      if (signal.aborted) return;
      try {
        if (!isReachable() || !(await daily.take(TRY_AGAIN))) continue;
      } catch (error) {
        // Redis is away, which is told by those who need it.
        log.debug(
          { reason: describeError(error) },
          'retention: it could not be looked whether dead letters are too old',
        );
        continue;
      }
      try {
        // One that was stopped in the middle is not done.
        if (await this.#expire(keep)) await daily.done(DAY);
      } catch (error) {
        const reason = describeError(error);
        log.error({ reason }, 'retention: old dead letters could not be removed; it is tried again in an hour');
      }
    }
  }

  /** @returns whether all letters were looked at */
  async #expire(keep: number): Promise<boolean> {
    const { deadLetters, audit, instance, clock } = this.#options;
    const before = clock.now() - keep;
    const detail = { buriedBefore: new Date(before).toISOString(), reason: 'retention.deadLetters' };
    const begin = () => audit.begin({ name: 'retention', role: 'system', from: instance }, 'discard', detail);
    const tell = (queue: string, count: number) => this.#expired.set(queue, (this.#expired.get(queue) ?? 0) + count);
    const expired = await deadLetters.expire(
      { before, begin, onRemoved: (queue) => tell(queue, 1) },
      this.#stopped.signal,
    );
    this.#undated = expired.undated;
    this.#tell(expired);
    return expired.complete;
  }

  #tell({ removed, undated, bodiesLeft }: Expired): void {
    const { log } = this.#options;
    for (const [queue, count] of removed)
      log.info({ queue, count }, `retention: ${count} dead letters of ${queue} were too old, and are removed`);
    for (const [queue, count] of undated) {
      if (count === 0) continue;
      const stay = 'they stay until a person discards them';
      log.warn(
        { queue, count },
        `retention: ${count} dead letters of ${queue} do not say when they were buried: ${stay}`,
      );
    }
    if (bodiesLeft === 0) return;
    const stay = 'they stay with the output; the audit log names them';
    log.warn(
      { left: bodiesLeft },
      `retention: ${bodiesLeft} bodies of removed dead letters could not be removed: ${stay}`,
    );
  }
}
