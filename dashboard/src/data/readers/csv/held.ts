import type { DuckDBConnection } from '@duckdb/node-api';
import { RetryableError } from '@tributary/shared';

/** A connection that is not closed while a statement runs on it: that would end the process. */
export class Held {
  readonly #connection: DuckDBConnection;
  #isInUse = false;
  #isOver = false;
  #isClosed = false;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new RetryableError('duckdb_released', 'nothing more is read: the download has ended');
    this.#isInUse = true;
    try {
      return await work();
    } finally {
      this.#isInUse = false;
      if (this.#isOver) this.release();
    }
  }

  release(): void {
    this.#isOver = true;
    if (this.#isInUse || this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.closeSync();
  }
}
