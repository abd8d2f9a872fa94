import { type Clock, describeError, type Logger } from '@tributary/shared';
import type { ReadDatabase } from './database.js';
import type { PostgresDataset } from './dataset.js';

/** Milliseconds between two looks. With the time that an answer may take, less than the 10 s within which readiness must tell. */
const LOOK_EVERY = 2_000;

/** Tells whether the database answers, also while no person asks the dashboard for anything. */
export class DatabaseWatch {
  readonly #database: ReadDatabase;
  readonly #datasets: readonly PostgresDataset[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #over = new AbortController();
  #away: string | undefined;
  #isStarted = false;

  constructor(database: ReadDatabase, datasets: readonly PostgresDataset[], clock: Clock, log: Logger) {
    this.#database = database;
    this.#datasets = datasets;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    if (!this.#isStarted) void this.#run();
    this.#isStarted = true;
  }

  close(): void {
    this.#over.abort();
  }

  /** What keeps the dashboard from reading, in words. All datasets have one problem if it is the database's. */
  get problems(): readonly string[] {
    if (this.#away !== undefined) return [this.#away];
    return [...new Set(this.#datasets.flatMap((dataset) => dataset.problem ?? []))];
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    for (; !signal.aborted; await this.#clock.sleep(LOOK_EVERY, signal)) {
      const before = this.#away;
      this.#away = await this.#database.ping().then(() => undefined, describeError);
      if (signal.aborted) return;
      if (this.#away === undefined) {
        if (before !== undefined) this.#log.info('Postgres answers again');
        // What a read has found wrong stays until another read.
        for (const dataset of this.#datasets) if (dataset.problem !== undefined) void dataset.latestSummary();
      } else if (before === undefined) {
        this.#log.warn({ reason: this.#away }, 'Postgres does not answer; asking until it does');
      }
    }
  }
}
