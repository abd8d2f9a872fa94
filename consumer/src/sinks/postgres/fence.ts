import { randomBytes } from 'node:crypto';
import { EPOCH_OVER, WriterLost } from '../../writer-lost.js';
import { checkFormat, OUTPUT_FORMAT } from '../output-format.js';
import type { Database } from './database.js';
import type { PostgresMarks } from './marks.js';
import type { PostgresTables } from './tables.js';
import type { Transaction } from './transaction.js';

/**
 * Fences the writers of a Postgres output, which may only seem dead. Each writer has a row in `tributary_writers`. Every
 * write locks this row for share before anything else. To fence a writer means to change or delete the row, which waits for
 * the writes under way. So either a write is committed before the fence is there, or it finds the fence and does nothing.
 */
export class PostgresFence {
  readonly #database: Database;
  readonly #tables: PostgresTables;
  readonly #pipeline: string;
  readonly #marks: PostgresMarks;

  constructor(database: Database, tables: PostgresTables, pipeline: string, marks: PostgresMarks) {
    this.#database = database;
    this.#tables = tables;
    this.#pipeline = pipeline;
    this.#marks = marks;
  }

  /** @returns what names the stored data; it is made at its first use */
  identity(): Promise<string> {
    const { meta } = this.#tables;
    return this.#database.transaction(async (transaction) => {
      await transaction.query(
        `INSERT INTO ${meta.sql} (pipeline, sink_id) VALUES ($1, $2) ON CONFLICT (pipeline) DO NOTHING`,
        [this.#pipeline, randomBytes(8).toString('hex')],
      );
      const select = `SELECT sink_id, format FROM ${meta.sql} WHERE pipeline = $1`;
      const [row] = await transaction.query<{ sink_id: string; format: string | null }>(select, [this.#pipeline]);
      checkFormat(row?.format, meta.sql);
      if (row?.format === null) {
        const update = `UPDATE ${meta.sql} SET format = $2 WHERE pipeline = $1 AND format IS NULL`;
        await transaction.query(update, [this.#pipeline, OUTPUT_FORMAT]);
      }
      return row?.sink_id ?? '';
    });
  }

  /** Gives the stored data another name. */
  renew(): Promise<void> {
    const { meta } = this.#tables;
    return this.#database.transaction(async (transaction) => {
      const update = `UPDATE ${meta.sql} SET sink_id = $2 WHERE pipeline = $1`;
      await transaction.query(update, [this.#pipeline, randomBytes(8).toString('hex')]);
      await this.#marks.forgetWitnesses(transaction);
    });
  }

  epoch(): Promise<string | undefined> {
    return this.#database.transaction((transaction) => this.#epoch(transaction, ''));
  }

  /** Sets the epoch, then removes every writer: no writer of an older epoch has a row, and none can get one any more. */
  beginEpoch(epoch: string, isBetween = false): Promise<void> {
    const { meta, writers } = this.#tables;
    return this.#database.transaction(async (transaction) => {
      if (!isBetween) await this.#marks.sumUp(transaction, await this.#epoch(transaction, ''));
      await transaction.query(
        `INSERT INTO ${meta.sql} (pipeline, sink_id, epoch) VALUES ($1, $2, $3)
         ON CONFLICT (pipeline) DO UPDATE SET epoch = EXCLUDED.epoch`,
        [this.#pipeline, randomBytes(8).toString('hex'), epoch],
      );
      await transaction.query(`DELETE FROM ${writers.sql} WHERE pipeline = $1`, [this.#pipeline]);
    });
  }

  /** @throws WriterLost if the epoch is over, or the writer was fenced before it began */
  enter(writer: string, epoch: string): Promise<void> {
    return this.#database.transaction(async (transaction) => {
      // A new epoch waits until the writer's row is there, and then deletes it.
      await this.holdEpoch(transaction, epoch);
      const inserted = await transaction.query(
        `INSERT INTO ${this.#tables.writers.sql} (writer, pipeline, fenced, began_at) VALUES ($1, $2, false, now())
         ON CONFLICT (writer) DO NOTHING RETURNING writer`,
        [writer, this.#pipeline],
      );
      if (inserted.length === 0) throw new WriterLost('fenced');
    });
  }

  /** Fences one writer, even if it has not begun yet. */
  fence(writer: string): Promise<void> {
    return this.#database.transaction(async (transaction) => {
      await transaction.query(
        `INSERT INTO ${this.#tables.writers.sql} (writer, pipeline, fenced, began_at) VALUES ($1, $2, true, now())
         ON CONFLICT (writer) DO UPDATE SET fenced = true`,
        [writer, this.#pipeline],
      );
    });
  }

  /**
   * The first step of a write: the writer is not fenced before the transaction has ended.
   * @throws WriterLost if it is fenced already
   */
  async hold(transaction: Transaction, writer: string): Promise<void> {
    const select = `SELECT fenced FROM ${this.#tables.writers.sql} WHERE writer = $1 FOR SHARE`;
    const [row] = await transaction.query<{ fenced: boolean }>(select, [writer]);
    if (row === undefined) throw new WriterLost('lost', EPOCH_OVER);
    if (row.fenced) throw new WriterLost('fenced');
  }

  /**
   * The epoch is locked: a new one begins when the transaction has ended.
   * @throws WriterLost if the epoch is over
   */
  async holdEpoch(transaction: Transaction, epoch: string): Promise<void> {
    if ((await this.#epoch(transaction, 'FOR SHARE')) !== epoch) throw new WriterLost('lost', EPOCH_OVER);
  }

  /** Writes something small, as durably as any row. */
  probe(): Promise<void> {
    const { meta } = this.#tables;
    return this.#database.transaction(async (transaction) => {
      await transaction.query(`UPDATE ${meta.sql} SET probed_at = now() WHERE pipeline = $1`, [this.#pipeline]);
    });
  }

  async #epoch(transaction: Transaction, lock: '' | 'FOR SHARE'): Promise<string | undefined> {
    const select = `SELECT epoch FROM ${this.#tables.meta.sql} WHERE pipeline = $1 ${lock}`;
    const [row] = await transaction.query<{ epoch: string | null }>(select, [this.#pipeline]);
    return row?.epoch ?? undefined;
  }
}
