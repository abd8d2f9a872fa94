import { describeError, type Logger } from '@tributary/shared';
import type { Marks } from '../port.js';
import type { Database } from './database.js';
import { fillColumns, recordReturns } from './history.js';
import type { DatasetTables, PostgresTables, Table } from './tables.js';
import type { Transaction } from './transaction.js';

type WithHistory = DatasetTables & { readonly history: Table };

/** The table of a history as the catalog describes it. */
interface FoundHistory {
  readonly table: string;
  readonly oid: string;
  readonly file: string | null;
  /** By name, the number of each column. One that was dropped and made again has another number. */
  readonly columns: Readonly<Record<string, number>> | null;
}

const KEYS_AT_A_TIME = 1_000;

/** The number of a column that is not there. */
const MISSING = 0;

/**
 * Keeps true that the history has what each key holds now. Another program or a person may empty or drop its table, or a column of it, and
 * it may be kept from today on only. The contents of before cannot be had again. What the keys hold now can: it is in the dataset's table.
 */
export class HistoryMender {
  readonly #database: Database;
  readonly #tables: PostgresTables;
  readonly #onMissing: () => void;
  readonly #log: Pick<Logger, 'warn'> | undefined;
  /** The state of each history for which this has been done. */
  readonly #mended = new Map<string, string>();
  readonly #running = new Set<string>();
  /** Why each history could not be mended, as it was told. */
  readonly #failed = new Map<string, string>();

  /** @param onMissing called if a table or a column is gone and has to be made again */
  constructor(
    database: Database,
    tables: PostgresTables,
    onMissing: () => void,
    log: Pick<Logger, 'warn'> | undefined,
  ) {
    this.#database = database;
    this.#tables = tables;
    this.#onMissing = onMissing;
    this.#log = log;
  }

  /**
   * Looks whether a history is another table than before, or has other columns, and mends it beside the work if so: it may take minutes.
   * @param kept what was remembered of earlier looks
   * @returns what to remember: only of histories that are as they should be
   */
  async look(kept: Marks): Promise<Marks> {
    const histories = [...this.#tables.datasets.values()].filter(keepsHistory);
    if (histories.length === 0) return {};
    const names = histories.map(({ history }) => history.name);
    const found = await this.#database.transaction((transaction) =>
      transaction.query<FoundHistory>(FIND, [this.#tables.schema, names]),
    );
    const marks: Record<string, string> = {};
    for (const tables of histories) {
      const { name, columns } = tables.history;
      const now = found.find(({ table }) => table === name);
      const numbers = columns.map((column) => now?.columns?.[column.name] ?? MISSING);
      if (now === undefined || numbers.includes(MISSING)) {
        this.#onMissing();
        continue;
      }
      const mark = [now.oid, now.file ?? 'none', ...numbers].join(' ');
      if (kept[name] === mark) continue;
      if (this.#mended.get(name) === mark) marks[name] = mark;
      else this.#begin(tables, mark, newColumns(tables.history, numbers, kept[name]));
    }
    return marks;
  }

  #begin(tables: WithHistory, mark: string, columns: readonly string[]): void {
    const { name } = tables.history;
    if (this.#running.has(name)) return;
    this.#running.add(name);
    this.#mend(tables, columns)
      .then(() => {
        this.#mended.set(name, mark);
        this.#failed.delete(name);
      })
      .catch((error: unknown) => this.#tellFailure(tables.history, describeError(error)))
      .finally(() => this.#running.delete(name));
  }

  /** It is begun again with the next look, so the same reason is told once. */
  #tellFailure({ name, sql }: Table, reason: string): void {
    if (this.#failed.get(name) === reason) return;
    this.#failed.set(name, reason);
    this.#log?.warn(
      { table: name, reason },
      `${sql} may lack what keys hold now, and could not be mended: ${reason}. It is tried again`,
    );
  }

  async #mend(tables: WithHistory, columns: readonly string[]): Promise<void> {
    let added = 0;
    for (const table of [tables.rows, tables.tombstones]) {
      let last: string | null = null;
      do {
        const keys: readonly string[] = await this.#database.transaction(async (transaction) => {
          const some = await lockKeys(transaction, table, last);
          added += await recordReturns(transaction, tables, some);
          await fillColumns(transaction, tables, columns, some);
          return some;
        });
        last = keys.at(-1) ?? null;
      } while (last !== null);
    }
    if (added === 0) return;
    const why = 'it was emptied or dropped, or is kept from now on';
    const what = `${tables.history.sql} lacked what ${added} keys hold now (${why}): it has that again, and not what they held before`;
    this.#log?.warn({ table: tables.history.name, added }, what);
  }
}

const keepsHistory = (tables: DatasetTables): tables is WithHistory => tables.history !== undefined;

/** The columns that were made since the history was looked at, of a table that is the same. */
function newColumns({ columns }: Table, numbers: readonly number[], was: string | undefined): string[] {
  const before = was?.split(' ').slice(2);
  if (before?.length !== numbers.length) return [];
  return columns
    .filter(({ field }, index) => field !== undefined && before[index] !== String(numbers[index]))
    .map(({ name }) => name);
}

/** In the order in which writers lock keys, so that none waits for this while this waits for it. */
async function lockKeys(transaction: Transaction, { sql }: Table, last: string | null): Promise<string[]> {
  const rows = await transaction.query<{ key: string }>(
    `SELECT _key AS key FROM ${sql} WHERE $1::text IS NULL OR _key > $1::text ORDER BY _key LIMIT ${KEYS_AT_A_TIME} FOR SHARE`,
    [last],
  );
  return rows.map(({ key }) => key);
}

const FIND = `
  SELECT c.relname AS "table", c.oid::text AS oid, pg_catalog.pg_relation_filenode(c.oid)::text AS file,
         (SELECT jsonb_object_agg(a.attname, a.attnum) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relname = ANY($2::text[])`;
