import type { Row } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';
import type { Inspection, Mark, Marks } from '../port.js';
import type { Database } from './database.js';
import { checkNothingHidden } from './row-security.js';
import { type Column, type DatasetTables, type PostgresTables, tablesIn } from './tables.js';
import type { Transaction } from './transaction.js';
import { findWitnesses, witnessesOf } from './witnesses.js';

/** One text for the files of a table that is partitioned. It has none of its own. */
const FILES_OF_PARTITIONS = `(SELECT string_agg(pg_catalog.pg_relation_filenode(relid)::text, ',' ORDER BY relid)
                                FROM pg_catalog.pg_partition_tree(c.oid))`;

/** The age of a row that is frozen, less one (Postgres manual, "Routine Vacuuming"). */
const LARGEST_AGE = 2_147_483_646;

/** Stands for all writers of epochs that are over for long. */
const EARLIER = 'earlier writers';

/** The mark that describes a dataset's table is named by the dataset alone. */
const writerMark = (dataset: string, writer: string): string => `${dataset} ${writer}`;

interface WriterCount {
  readonly writer: string;
  readonly dataset: string;
  readonly mark: string;
  /** Whether it was counted in the present epoch. */
  readonly present: boolean;
}

interface Write {
  readonly writer: string;
  readonly epoch: string;
  readonly dataset: string;
  readonly known: number;
  readonly written: readonly Row[];
}

/** The table of a dataset as the catalog describes it. */
interface FoundTable {
  readonly dataset: string;
  /** Another one if the table was dropped and made again, as pg_restore --clean does. */
  readonly oid: string;
  /** Another one after TRUNCATE, and after VACUUM FULL, CLUSTER, or a change of a column's type. */
  readonly file: string;
  /** The number of the oldest transaction that was still running: every row of an earlier one was there at this look. */
  readonly running: string;
  /** The number that the next transaction gets. */
  readonly next: string;
  readonly rows: boolean;
  readonly closed: boolean;
  /** By name, the number and the type of each of its columns, and what narrows that. A column that was dropped and made again has another number. */
  readonly columns: Readonly<Record<string, string>> | null;
}

/**
 * What shows that a database went back to an older state. Each writer counts its writes to a dataset, in the transaction of the
 * write. A snapshot that is restored, and a standby that is promoted without the last writes, have smaller counts than were
 * told before. The counts survive if one table is emptied or replaced, so the tables are looked at, too. So are the rows of the last write of
 * each writer: they tell that a table was filled with older rows by DELETE and INSERT, which leaves it the same table.
 */
export class PostgresMarks {
  readonly #database: Database;
  readonly #tables: PostgresTables;
  readonly #pipeline: string;

  constructor(database: Database, tables: PostgresTables, pipeline: string) {
    this.#database = database;
    this.#tables = tables;
    this.#pipeline = pipeline;
  }

  /**
   * Counts one more write. To be called last in its transaction, because other writes of this writer to the dataset wait for it.
   * @param known the count of the last write that was committed
   * @param written the rows of this write
   * @throws WriterLost if the database holds a smaller count
   */
  async advance(transaction: Transaction, { writer, epoch, dataset, known, written }: Write): Promise<Mark> {
    const [row] = await transaction.query<{ mark: string }>(
      `INSERT INTO ${this.#tables.marks.sql} AS marks (pipeline, writer, dataset, epoch, mark, witnesses) VALUES ($1, $2, $3, $4, 1, $5)
       ON CONFLICT (pipeline, writer, dataset) DO UPDATE SET mark = marks.mark + 1, witnesses = EXCLUDED.witnesses RETURNING mark`,
      [this.#pipeline, writer, dataset, epoch, witnessesOf(written)],
    );
    const at = Number(row?.mark);
    if (at <= known) throw new WriterLost('lost', wentBack({ writer, dataset }, known, at - 1));
    return { name: writerMark(dataset, writer), at };
  }

  /** For an output that went back: it is told once. */
  async forgetWitnesses(transaction: Transaction): Promise<void> {
    await transaction.query(`UPDATE ${this.#tables.marks.sql} SET witnesses = NULL WHERE pipeline = $1`, [
      this.#pipeline,
    ]);
  }

  /** Adds up the counts of epochs before the last one, in the transaction that begins an epoch: there would be more and more. */
  async sumUp(transaction: Transaction, last: string | undefined): Promise<void> {
    const { sql } = this.#tables.marks;
    await transaction.query(
      `WITH over AS (DELETE FROM ${sql} WHERE pipeline = $1 AND writer <> $2 AND epoch <> $3 RETURNING mark)
       INSERT INTO ${sql} AS marks (pipeline, writer, dataset, epoch, mark)
       SELECT $1, $2, '', '', sum(mark) FROM over HAVING sum(mark) > 0
       ON CONFLICT (pipeline, writer, dataset) DO UPDATE SET mark = marks.mark + EXCLUDED.mark`,
      [this.#pipeline, EARLIER, last ?? ''],
    );
  }

  /**
   * How many writes of each writer there were to a dataset (a write counts itself in its own transaction), and the file of its table, which is
   * another one after TRUNCATE.
   */
  async writesTo({ dataset, rows }: DatasetTables): Promise<string> {
    const counted = await this.#database.transaction((transaction) =>
      transaction.query<{ told: string }>(
        `SELECT writer || ' ' || mark AS told FROM ${this.#tables.marks.sql} WHERE pipeline = $1 AND dataset = $2
          UNION ALL SELECT COALESCE(pg_catalog.pg_relation_filenode(pg_catalog.to_regclass($3))::text, 'none') || CASE WHEN EXISTS (SELECT FROM ${rows.sql}) THEN '' ELSE ' empty' END
          ORDER BY told`,
        [this.#pipeline, dataset.name, rows.sql],
      ),
    );
    return counted.map(({ told }) => told).join('\n');
  }

  /** As of the sink's port. */
  async inspect(kept: Marks): Promise<Inspection> {
    const { counts, tables } = await this.#database.transaction(async (transaction) => {
      await checkNothingHidden(transaction, [...this.#tables.datasets.values()].flatMap(tablesIn));
      const counted = await this.#counts(transaction);
      return { counts: counted, tables: await this.#look(transaction, kept, counted) };
    });
    const marks: Record<string, string> = {};
    for (const { writer, dataset, mark } of counts) marks[writerMark(dataset, writer)] = mark;
    const lost = lostWrites(kept, marks) ?? tables.find((table) => table.lost !== undefined)?.lost;
    // The counts of a writer that writes now are kept when its rows are committed in the ledger. They must not be kept here,
    // where they could be older.
    const fresh = Object.entries(marks).filter(([name]) => kept[name] === undefined);
    return { lost, marks: Object.fromEntries([...fresh, ...tables.map(({ name, mark }) => [name, mark] as const)]) };
  }

  #counts(transaction: Transaction): Promise<WriterCount[]> {
    const { marks, meta } = this.#tables;
    const present = `epoch = (SELECT epoch FROM ${meta.sql} WHERE pipeline = $1)`;
    const select = `SELECT writer, dataset, mark, ${present} IS TRUE AS present FROM ${marks.sql} WHERE pipeline = $1`;
    return transaction.query(select, [this.#pipeline]);
  }

  async #look(transaction: Transaction, kept: Marks, counts: readonly WriterCount[]) {
    const { schema } = this.#tables;
    // Rows of aggregates are calculated from others, and written again by themselves: their loss is no reason to poll everything.
    const looked = [...this.#tables.datasets.values()].filter(({ dataset }) => dataset.groups === undefined);
    if (looked.length === 0) return [];
    const found = await transaction.query<FoundTable>(
      looked
        .map(
          ({ rows, tombstones }, index) =>
            `SELECT $${index + 2}::text AS dataset, c.oid::text AS oid, COALESCE(pg_catalog.pg_relation_filenode(c.oid)::text, ${FILES_OF_PARTITIONS}, 'none') AS file,
                    pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())::text AS running,
                    pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())::text AS next,
                    EXISTS (SELECT FROM ${rows.sql}) AS rows, EXISTS (SELECT FROM ${tombstones.sql}) AS closed,
                    (SELECT jsonb_object_agg(a.attname, a.attnum || ':' || a.atttypid || CASE WHEN a.atttypmod < 0 THEN '' ELSE ':' || a.atttypmod END) FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $${index + 2}::text`,
        )
        .join(' UNION ALL '),
      [schema, ...looked.map(({ dataset }) => dataset.name)],
    );
    const results: { name: string; mark: string; lost: string | undefined }[] = [];
    for (const table of found) {
      const written = counts.some(({ dataset, present }) => present && dataset === table.dataset);
      const state = table.rows || written ? 'rows' : 'empty';
      const mark = [table.oid, table.file, table.running, state, writeColumns(table)].join(' ');
      results.push({
        name: table.dataset,
        mark,
        lost: await this.#lostRows(transaction, table, kept[table.dataset], written),
      });
    }
    return results;
  }

  /**
   * Whether the rows of a table are not those that it had, in words.
   * @param was its mark when it was looked at before
   * @param written whether rows were written in this epoch, perhaps after that look
   */
  async #lostRows(
    transaction: Transaction,
    now: FoundTable,
    was: string | undefined,
    written: boolean,
  ): Promise<string | undefined> {
    if (was === undefined) return undefined;
    const [oid, file, running = '0', state, columns = ''] = was.split(' ');
    const table = this.#tables.datasets.get(now.dataset)?.rows;
    if (table === undefined) return undefined;
    if (state !== 'rows' && !written) return undefined;
    if (oid !== now.oid) return `table ${table.sql} was dropped and made again, or restored`;
    const changed = changedColumn(columns, now, table.columns);
    if (changed !== undefined)
      return `column "${changed}" of table ${table.sql} was dropped, renamed, or given another type: what its rows held there may be gone`;
    // A dataset whose keys are all closed is empty too.
    if (!now.rows && !now.closed) return `table ${table.sql} is empty, and it held rows`;
    const { older, missing } = await findWitnesses(transaction, this.#tables, this.#pipeline, now.dataset);
    if (older !== undefined)
      return `table ${table.sql} holds older rows than it held (of key ${older}): they were put back`;
    if (file === now.file && missing === undefined) return undefined;
    // VACUUM FULL keeps the transactions of the rows; TRUNCATE removes all rows, so that what is there now came later. So does a DELETE
    // of all rows before older ones are put back. A person who deletes some rows leaves others that are older.
    const since = Math.min(Math.max(0, Number(now.next) - Number(running)), LARGEST_AGE);
    const select = `SELECT FROM ${table.sql} t WHERE age(t.xmin) > $1::bigint LIMIT 1`;
    const [first] = await transaction.query(select, [since]);
    return first === undefined ? `table ${table.sql} was emptied: each of its rows is newer than that` : undefined;
  }
}

const writeColumns = ({ columns }: FoundTable): string => encodeURIComponent(JSON.stringify(columns ?? {}));

/** A column of the dataset that is not the one any more that it was; undefined if there is none. */
function changedColumn(was: string, now: FoundTable, wanted: readonly Column[]): string | undefined {
  const before = JSON.parse(decodeURIComponent(was) || '{}') as Readonly<Record<string, string>>;
  return wanted.find(({ name }) => before[name] !== undefined && before[name] !== now.columns?.[name])?.name;
}

function lostWrites(kept: Marks, now: Marks): string | undefined {
  for (const [name, mark] of Object.entries(kept)) {
    if (!name.includes(' ')) continue;
    const [dataset = '', writer = ''] = name.split(' ');
    if (Number(now[name] ?? 0) < Number(mark)) {
      return wentBack({ writer, dataset }, Number(mark), Number(now[name] ?? 0));
    }
  }
  return undefined;
}

const wentBack = ({ writer, dataset }: { writer: string; dataset: string }, was: number, is: number): string =>
  `Postgres went back to an older state: of ${was} writes of ${writer} to ${dataset || 'all datasets'} it holds ${Math.max(0, is)} (a backup was restored, or a standby promoted without the last writes)`;
