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
  /** @throws RetryableError if the data cannot be read */
  take(signal: AbortSignal): Promise<Place>;
  close(): Promise<void>;
}
