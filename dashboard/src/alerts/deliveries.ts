import type { Clock, Logger } from '@tributary/shared';
import { type Channel, NotTaken } from './channels/channel.js';
import { type AlertDocument, channelOf, note, type Waiting } from './document.js';

/** Milliseconds before the second attempt; each further one waits twice as long, up to the most. */
const FIRST_PAUSE = 2_000;
export const MOST_PAUSE = 300_000;
/** Milliseconds after which a message is given up. What goes on is told again by then. */
const GIVEN_UP = 6 * 3_600_000;

export interface DeliveriesOptions {
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Keeps the document, after each attempt. */
  readonly onChange: () => Promise<unknown>;
}

/**
 * Sends what waits. Each channel sends its messages one after the other, in their order, so that nobody hears of an end before its
 * beginning; a channel that is away holds up no other. A message is taken out of the queue when the receiver has taken it, and not before: a
 * dashboard that dies in between sends it again, under the same id.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Begins with what is due, and waits for none of it. */
  run(document: AlertDocument): void {
    const now = this.#options.clock.now();
    for (const name of new Set(document.waiting.map(({ channel }) => channel))) {
      if (this.#busy.has(name) || this.#stopped.signal.aborted) continue;
      const oldest = document.waiting.find(({ channel }) => channel === name);
      if (oldest === undefined || oldest.nextAt > now) continue;
      const turn = this.#sendAll(name, document).finally(() => this.#busy.delete(name));
      this.#busy.set(name, turn);
    }
  }

  /** Ends what is under way: it is sent again after the next start. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#busy.values());
  }

  async #sendAll(name: string, document: AlertDocument): Promise<void> {
    const { clock, onChange } = this.#options;
    for (;;) {
      const next = document.waiting.find(({ channel }) => channel === name);
      if (next === undefined || next.nextAt > clock.now() || this.#stopped.signal.aborted) return;
      await this.#send(next, document);
      await onChange();
    }
  }

  async #send(waiting: Waiting, document: AlertDocument): Promise<void> {
    const { channels, clock } = this.#options;
    const { channel: name, message } = waiting;
    const channel = channels.get(name);
    const state = channelOf(document, name);
    const happened = (event: 'sent' | 'not sent', words: string) =>
      note(document, { at: clock.now(), event, rule: message.rule, about: message.title, channel: name, words });
    const remove = () => {
      document.waiting = document.waiting.filter((one) => one !== waiting);
    };
    if (channel === undefined) {
      remove();
      state.failed += 1;
      return happened('not sent', `the file has no channel ${name} any more`);
    }
    try {
      await channel.send(message, this.#stopped.signal);
      remove();
      state.sent += 1;
      state.lastSentAt = clock.now();
      state.problem = null;
      happened('sent', waiting.attempts === 0 ? 'at once' : `after ${waiting.attempts} failed attempts`);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#failed(waiting, document, error, happened, remove);
    }
  }

  #failed(
    waiting: Waiting,
    document: AlertDocument,
    error: unknown,
    happened: (event: 'not sent', words: string) => void,
    remove: () => void,
  ): void {
    const { clock, log } = this.#options;
    const { channel, message } = waiting;
    const state = channelOf(document, channel);
    const why = error instanceof NotTaken ? error.message : 'it failed within';
    const now = clock.now();
    waiting.attempts += 1;
    state.problem = why;
    const isFinal = (error instanceof NotTaken && error.isFinal) || now - waiting.since > GIVEN_UP;
    if (isFinal) {
      remove();
      state.failed += 1;
      happened('not sent', `given up after ${waiting.attempts} attempts: ${why}`);
    } else {
      waiting.nextAt = now + Math.min(FIRST_PAUSE * 2 ** (waiting.attempts - 1), MOST_PAUSE);
      if (waiting.attempts === 1) happened('not sent', `${why}; it is tried again`);
    }
    const next = isFinal ? 'given up' : 'it is tried again';
    log.warn(
      { channel, message: message.id, attempts: waiting.attempts, reason: why },
      `an alert was not sent: ${next}`,
    );
  }
}
