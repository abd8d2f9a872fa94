import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** What a thread is started with. */
export interface ThreadData {
  /** The file. */
  readonly path: string;
}

/** A statement for a thread. */
export interface Question {
  readonly text: string;
  readonly values: readonly (string | Uint8Array | bigint | number | null)[];
}

/** What it answers. */
export type Answer =
  | {
      readonly columns: readonly { readonly name: string; readonly type: string | null }[];
      readonly rows: readonly (readonly (string | Uint8Array | bigint | number | null)[])[];
    }
  | { readonly message: string; readonly number: number | undefined };

/** Milliseconds that a statement waits while another program writes. */
const BUSY = 5_000;

// Node's SQLite blocks its thread while a statement runs: in the main thread leases would run out meanwhile. This file imports nothing of its own,
// so that it can be started as it is, also from its source.
const { path } = workerData as ThreadData;
let database: DatabaseSync | undefined;

parentPort?.on('message', (question: Question) => parentPort?.postMessage(answer(question)));

function answer({ text, values }: Question): Answer {
  try {
    database ??= new DatabaseSync(path, { readOnly: true, timeout: BUSY });
    const statement = database.prepare(text);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const columns = statement.columns().map(({ name, type }) => ({ name, type }));
    const rows: unknown = statement.all(...values);
    return { columns, rows: rows as (string | Uint8Array | bigint | number | null)[][] };
  } catch (error) {
    const { message, errcode } = error as Error & { readonly errcode?: number };
    return { message, number: errcode };
  }
}
