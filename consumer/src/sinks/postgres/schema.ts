import { FatalError } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import { checkFormat } from '../output-format.js';
import type { Database } from './database.js';
import { checkNothingHidden } from './row-security.js';
import { type Column, FORMAT, type PostgresTables, type Table, tablesIn } from './tables.js';
import type { Transaction } from './transaction.js';

/** A column as the database has it. */
interface Found {
  readonly table: string;
  readonly column: string | null;
  readonly type: string;
  readonly comment: string | null;
}

/** What must be changed before the tables can be used, and the columns that pipeline.yaml no longer names. */
interface Plan {
  readonly statements: readonly string[];
  readonly retired: Retired;
}

/** Columns that an earlier configuration wrote, by table. A row that changes loses what it held there, which is not of its new content. */
export type Retired = ReadonlyMap<string, readonly string[]>;

/** Marks the columns that Tributary made, so that columns that a person added are left alone. */
const MARK = 'Tributary: ';

/** Makes sure that every table is there, with the columns that the pipeline's fields ask for. */
export class PostgresSchema {
  readonly #database: Database;
  readonly #tables: PostgresTables;
  readonly #pipeline: string;
  #ready: Promise<Retired> | undefined;

  constructor(database: Database, tables: PostgresTables, pipeline: string) {
    this.#database = database;
    this.#tables = tables;
    this.#pipeline = pipeline;
  }

  /**
   * Looks once, and again only after {@link forget}.
   * @throws FatalError if a table is not Tributary's, or a column is of another type, or a later version has written them; RetryableError if policies may hide rows
   */
  ensure(): Promise<Retired> {
    if (this.#ready === undefined) {
      const ready = this.#ensure();
      this.#ready = ready;
      ready.catch(() => {
        if (this.#ready === ready) this.forget();
      });
    }
    return this.#ready;
  }

  forget(): void {
    this.#ready = undefined;
  }

  get #all(): readonly Table[] {
    const { datasets, meta, writers, marks } = this.#tables;
    return [meta, writers, marks, ...[...datasets.values()].flatMap(tablesIn)];
  }

  async #ensure(): Promise<Retired> {
    const { schema } = this.#tables;
    const asIs = await this.#database.transaction(async (transaction) => {
      await checkEncoding(transaction);
      const plan = await this.#plan(transaction);
      if (plan.statements.length === 0) await checkNothingHidden(transaction, this.#all);
      return plan;
    });
    if (asIs.statements.length === 0) return asIs.retired;
    return this.#database.transaction(async (transaction) => {
      // While this waits for a table behind a long query, all other statements on it wait behind this: not for long.
      await transaction.query(`SET LOCAL lock_timeout = '10s'`);
      // One consumer at a time: several that start together would fail on each other's half-made tables.
      await transaction.query(LOCK, [`tributary ${schema}`]);
      const { statements, retired } = await this.#plan(transaction);
      for (const statement of statements) await transaction.query(statement);
      await checkNothingHidden(transaction, this.#all);
      return retired;
    });
  }

  async #plan(transaction: Transaction): Promise<Plan> {
    const { schema } = this.#tables;
    const wanted = this.#all;
    const [space] = await transaction.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
    const found = await transaction.query<Found>(FIND_COLUMNS, [schema, wanted.map(({ name }) => name)]);
    await this.#checkFormat(transaction, found);
    // Without IF NOT EXISTS, which needs the right to create even if the schema exists.
    const statements = space === undefined ? [`CREATE SCHEMA ${escapeIdentifier(schema)}`] : [];
    const retired = new Map<string, string[]>();
    for (const table of wanted) {
      const columns = found.filter((one) => one.table === table.name);
      statements.push(...(columns.length === 0 ? createTable(table) : changeTable(schema, table, columns)));
      const names = new Set(table.columns.map(({ name }) => name));
      const old = columns.filter(({ column, comment }) => comment?.startsWith(MARK) && !names.has(column ?? ''));
      retired.set(
        table.name,
        old.map(({ column }) => column ?? ''),
      );
    }
    return { statements, retired };
  }

  /** Before anything is changed: a later version may do without what this one would add. */
  async #checkFormat(transaction: Transaction, found: readonly Found[]): Promise<void> {
    const { meta } = this.#tables;
    if (!found.some(({ table, column }) => table === meta.name && column === FORMAT.name)) return;
    const select = `SELECT format FROM ${meta.sql} WHERE pipeline = $1`;
    const [row] = await transaction.query<{ format: string | null }>(select, [this.#pipeline]);
    checkFormat(row?.format, meta.sql);
  }
}

/** With the name of a schema behind `tributary `: whoever makes tables in it waits for its turn. */
export const LOCK = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';

const FIND_COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column", pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
         pg_catalog.col_description(c.oid, a.attnum) AS comment
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = $1 AND c.relname = ANY($2::text[])`;

/** In another encoding a record may hold a character that cannot be stored, and it would hold up all others for ever. */
async function checkEncoding(transaction: Transaction): Promise<void> {
  const [row] = await transaction.query<{ server_encoding: string }>('SHOW server_encoding');
  if (row?.server_encoding === 'UTF8') return;
  const message = `the Postgres database's encoding is ${row?.server_encoding}, which cannot hold every text: make one with ENCODING 'UTF8'`;
  throw new FatalError('postgres_encoding', message);
}

const define = ({ name, type, constraint }: Column): string => `${escapeIdentifier(name)} ${type} ${constraint}`;

/** The names of types and the comments are Tributary's own, so they need no escaping. */
function mark(table: Table, { name, field, comment = field && `${MARK}${field}` }: Column): string[] {
  return comment === undefined ? [] : [`COMMENT ON COLUMN ${table.sql}.${escapeIdentifier(name)} IS '${comment}'`];
}

export function createTable(table: Table): string[] {
  const columns = table.columns.map(define);
  const key = `PRIMARY KEY (${table.key.map(escapeIdentifier).join(', ')})`;
  return [
    `CREATE TABLE IF NOT EXISTS ${table.sql} (${[...columns, key].join(', ')})`,
    ...table.columns.flatMap((column) => mark(table, column)),
  ];
}

function changeTable(schema: string, table: Table, found: readonly Found[]): string[] {
  const types = new Map(found.map(({ column, type }) => [column, type]));
  const lacking = table.columns.find(
    ({ name, field, comment }) => field === undefined && comment === undefined && !types.has(name),
  );
  if (lacking !== undefined) {
    const message = `schema "${schema}" has a table "${table.name}" that Tributary did not make (it has no column "${lacking.name}"): set sink.postgres.schema to a schema of its own, or rename the dataset`;
    throw new FatalError('postgres_table', message);
  }
  return table.columns.flatMap((column) => {
    const type = types.get(column.name);
    if (type === column.type) {
      // A dump may come without comments.
      const isMarked = column.comment === undefined || found.some(({ comment }) => comment === column.comment);
      return isMarked ? [] : mark(table, column);
    }
    const alter = `ALTER TABLE ${table.sql}`;
    if (type === undefined) return [`${alter} ADD COLUMN IF NOT EXISTS ${define(column)}`, ...mark(table, column)];
    const name = escapeIdentifier(column.name);
    const change = `${alter} ALTER COLUMN ${name} TYPE ${column.type} USING ${name}::${column.type};`;
    const message = `table ${table.sql} has a column ${name} of type ${type}, and the pipeline asks for ${column.type}. Change it with\n  ${change}\nor drop the column: it is made again, and filled as records change`;
    throw new FatalError('postgres_column', message);
  });
}
