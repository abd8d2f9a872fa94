import { DatabaseError, type PoolClient } from 'pg';

export interface TransactionOptions {
  readonly client: PoolClient;
  /** Turns an error of the driver into one for people. */
  readonly asOurs: (error: unknown) => Error;
  /** Called when the server did not answer in time, with the id of its process for this connection. */
  readonly onSilence: (process: number | undefined) => Promise<void>;
}

/** The driver gave up on a statement, which the server may still be busy with. */
const isSilence = (error: unknown): boolean => error instanceof Error && error.message === 'Query read timeout';

/** The server refused a statement, and the connection is as good as before: it can roll back. */
const isRefusal = (error: unknown): boolean => error instanceof DatabaseError && error.severity === 'ERROR';

/** One transaction on a connection of its own. */
export class Transaction {
  readonly #options: TransactionOptions;
  #process: number | undefined;
  #open = true;

  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  /** @returns whether the server takes rows: false for a standby, which answers as if it were the primary */
  async begin(statement: string): Promise<boolean> {
    await this.query(statement);
    const [server] = await this.query<{ process: number; standby: boolean }>(
      'SELECT pg_catalog.pg_backend_pid() AS process, pg_catalog.pg_is_in_recovery() AS standby',
    );
    this.#process = server?.process;
    return server?.standby === false;
  }

  async query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    const { client, asOurs, onSilence } = this.#options;
    try {
      const result = await (values === undefined ? client.query(text) : client.query(text, [...values]));
      // Several statements in one text give several results, which no caller needs.
      return Array.isArray(result) ? [] : (result.rows as Row[]);
    } catch (error) {
      // Otherwise it is not known what the server does with the rest: the end of the connection makes it roll back.
      if (!isRefusal(error)) this.#release(true);
      if (isSilence(error)) await onSilence(this.#process);
      throw asOurs(error);
    }
  }

  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    await this.query(how);
    this.#release(false);
  }

  /** Rolls back, unless the transaction has ended. */
  async abandon(): Promise<void> {
    if (this.#open) await this.end('ROLLBACK').catch(() => this.#release(true));
  }

  #release(broken: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.client.release(broken);
  }
}
