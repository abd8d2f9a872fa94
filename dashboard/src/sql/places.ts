import type { SqlTable } from './port.js';
import type { SqlTask } from './task.js';

/** Where one query is answered. */
export interface Place {
  readonly engine: SqlTask['engine'];
  readonly asOf: string;
  /** May be called twice. */
  release(): void;
}

/** What a kind of sink gives the engine: the tables, and where a query on them is answered. */
export interface Places {
  tables(): Promise<readonly SqlTable[]>;
  /** What a person should mend, in words. @throws what the server says */
  problems(): Promise<readonly string[]>;
  /**
   * @param seconds that the engine may work
   * @throws RetryableError if the data cannot be read, or too many queries are left that nothing ends
   */
  take(signal: AbortSignal, seconds: number): Promise<Place>;
  close(): Promise<void>;
}
