import { connectToPrimary, postgresServers } from '@tributary/shared';
import { Client } from 'pg';

/** Milliseconds between two looks, and for an answer: a server that was suspended gives none. */
const LOOK_EVERY = 250;
const ANSWER_WITHIN = 1_500;

const make = (connectionString: string) =>
  new Client({ connectionString, connectionTimeoutMillis: ANSWER_WITHIN, query_timeout: ANSWER_WITHIN });

/** Looks at the primary, whichever of the servers that is, when new rows arrive. */
export class Arrivals {
  readonly #url: string;
  /** When a look found rows newer than those of the look before. */
  readonly #times: number[] = [];
  readonly #ended = new AbortController();
  readonly #watching: Promise<void>;
  #newest = '';

  constructor(url: string) {
    this.#url = url;
    this.#watching = this.#watch();
  }

  /** Milliseconds since rows arrived last. */
  get silence(): number {
    return Date.now() - (this.#times.at(-1) ?? 0);
  }

  /** The longest time without a new row, in milliseconds, of those that ended since then. */
  longestSilence(since: number): number {
    const gaps = this.#times.map((time, index) => ({ time, gap: time - (this.#times[index - 1] ?? time) }));
    return Math.max(0, ...gaps.filter(({ time }) => time >= since).map(({ gap }) => gap));
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#look().catch(() => {});
      await pause();
    }
  }

  /** Until the connection breaks, or what it leads to is no primary any more. */
  async #look(): Promise<void> {
    const client = await connectToPrimary(postgresServers(this.#url), make);
    try {
      while (!this.#ended.signal.aborted) {
        const { rows } = await client.query<{ newest: string | null; standby: boolean }>(
          'SELECT max(_written_at)::text AS newest, pg_is_in_recovery() AS standby FROM customers',
        );
        const newest = rows[0]?.newest ?? '';
        if (rows[0]?.standby !== false) return;
        if (newest > this.#newest) {
          this.#newest = newest;
          this.#times.push(Date.now());
        }
        await pause();
      }
    } finally {
      await Promise.race([client.end().catch(() => {}), pause()]);
    }
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
