import type { Row } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { Refusal } from '../refused.js';
import { culpritOf, refusal } from './refusals.js';
import type { DatasetTables } from './tables.js';
import type { Transaction } from './transaction.js';

export interface SplitOptions {
  readonly transaction: Transaction;
  /** Where the rows go. */
  readonly tables: DatasetTables;
  readonly write: (rows: readonly Row[]) => Promise<void>;
}

/**
 * Writes rows one of which the database refuses: halves them until each refused row is alone. The others are written, in the caller's
 * transaction.
 *
 * An error that may be of a row or of the database is of the row if the table takes another one.
 *
 * @returns the refused rows
 * @throws Error if it is the database that does not take rows
 */
export async function writeSplit(rows: readonly Row[], options: SplitOptions): Promise<readonly Refusal[]> {
  const split = new Split(options);
  // A constraint that is checked at the COMMIT would name no row.
  await options.transaction.query('SET CONSTRAINTS ALL IMMEDIATE');
  // In the order in which every writer locks keys.
  await split.write([...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)));
  return split.refusals();
}

class Split {
  readonly #options: SplitOptions;
  readonly #certain: Refusal[] = [];
  readonly #doubtful: { readonly row: Row; readonly error: unknown }[] = [];
  #written = 0;

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  async write(rows: readonly Row[]): Promise<void> {
    const error = await this.#attempt(rows, (these) => this.#options.write(these));
    if (error === undefined) {
      this.#written += rows.length;
      return;
    }
    const [row, ...others] = rows;
    if (row !== undefined && others.length === 0) {
      if (culpritOf(error, this.#options.tables) === 'row') this.#certain.push(refusal(row, error));
      else this.#doubtful.push({ row, error });
      return;
    }
    const half = Math.ceil(rows.length / 2);
    await this.write(rows.slice(0, half));
    await this.write(rows.slice(half));
  }

  async refusals(): Promise<readonly Refusal[]> {
    const [first] = this.#doubtful;
    if (first === undefined) return this.#certain;
    if (this.#written === 0 && !(await this.#takesRows())) throw first.error;
    return [...this.#certain, ...this.#doubtful.map(({ row, error }) => refusal(row, error))];
  }

  /** Whether the table would take a row that it has already once more. False if it has none. */
  async #takesRows(): Promise<boolean> {
    const { transaction, tables } = this.#options;
    const table = tables.rows;
    const names = table.columns.map(({ name }) => escapeIdentifier(name)).join(', ');
    const again = `INSERT INTO ${table.sql} (${names}) SELECT ${names} FROM ${table.sql} LIMIT 1
      ON CONFLICT (_key) DO UPDATE SET _order = EXCLUDED._order RETURNING 1`;
    let taken = 0;
    const error = await this.#attempt([], async () => {
      taken = (await transaction.query(again)).length;
    });
    return error === undefined && taken > 0;
  }

  /** @returns what the database said, if that may be for a row; then nothing is written */
  async #attempt(rows: readonly Row[], work: (rows: readonly Row[]) => Promise<void>): Promise<unknown> {
    const { transaction, tables } = this.#options;
    await transaction.query('SAVEPOINT piece');
    try {
      await work(rows);
      await transaction.query('RELEASE SAVEPOINT piece');
      return undefined;
    } catch (error) {
      if (culpritOf(error, tables) === 'sink') throw error;
      await transaction.query('ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece');
      return error;
    }
  }
}
