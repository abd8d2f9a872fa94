import {
  type Clock,
  PUBLICATION_HEADER,
  readPublication,
  type SettledNotes,
  type SettledNumbers,
  within,
} from '@tributary/shared';
import type { BrokerMessage } from '../intake/channel.js';

/** Milliseconds between two notes: soon when something was settled, for a consumer that is killed notes nothing. */
const SOON = 250;
/** Notes without news, so that the producer knows that this consumer lives, and what it holds. */
const HEARTBEAT = 1_000;

export interface SettledLogOptions {
  readonly notes: SettledNotes;
  /** Names the session. */
  readonly writer: string;
  readonly clock: Clock;
  /** By queue, the deliveries that are not settled. */
  readonly held: () => Readonly<Record<string, number>>;
}

/**
 * Gathers which messages were settled, and notes it in Redis from time to time, so that the producer learns what the broker
 * has lost (shared/src/redis/publications.ts). Nothing waits for it: if a note is lost, records are polled once more.
 */
export class SettledLog {
  readonly #options: SettledLogOptions;
  readonly #over = new AbortController();
  readonly #ended: Promise<void>;
  #settled = new Map<string, { token: string; queue: string; numbers: number[] }>();

  constructor(options: SettledLogOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  settled(queue: string, { properties }: BrokerMessage): void {
    const publication = readPublication(properties.headers?.[PUBLICATION_HEADER]);
    if (publication === undefined) return;
    const { token, number } = publication;
    const id = `${token} ${queue}`;
    const numbers = this.#settled.get(id)?.numbers;
    if (numbers === undefined) this.#settled.set(id, { token, queue, numbers: [number] });
    else numbers.push(number);
  }

  /** Notes what is left. Does not wait long for it. */
  async close(): Promise<void> {
    this.#over.abort();
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
    for (let idle = 0; !signal.aborted; await clock.sleep(SOON, signal)) {
      idle += SOON;
      if (this.#settled.size === 0 && idle < HEARTBEAT) continue;
      idle = 0;
      await this.#note();
    }
  }

  async #note(): Promise<void> {
    const { notes, writer, held } = this.#options;
    const settled: SettledNumbers[] = [...this.#settled.values()];
    // As of now: what is settled after it is in the next note.
    this.#settled = new Map();
    await notes.note(writer, held(), settled).catch(() => {
      for (const { token, queue, numbers } of settled) {
        const id = `${token} ${queue}`;
        const more = this.#settled.get(id)?.numbers ?? [];
        this.#settled.set(id, { token, queue, numbers: [...numbers, ...more] });
      }
    });
  }
}
