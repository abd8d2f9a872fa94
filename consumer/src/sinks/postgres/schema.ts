import { FatalError } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { Database, Transaction } from './database.js';
import type { Column, PostgresTables, Table } from './tables.js';

/** A column as the database has it. */
interface Found {
  readonly table: string;
  readonly column: string | null;
  readonly type: string;
  readonly comment: string | null;
}

/** What must be changed before the tables can be used, and columns that pipeline.yaml no longer names, by table. */
interface Plan {
  readonly statements: readonly string[];
  readonly retired: Retired;
}

/** Columns that an earlier configuration wrote. A row that changes loses what it held there: it is not of its content. */
export type Retired = ReadonlyMap<string, readonly string[]>;

/** Marks the columns that Tributary made, so that those somebody added beside them are left alone. */
const MARK = 'Tributary: ';

/** Sees to it that every table is there, with the columns that the pipeline's fields ask for. */
export class PostgresSchema {
  #ready: Promise<Retired> | undefined;

  constructor(
    private readonly database: Database,
    private readonly tables: PostgresTables,
  ) {}

  /**
   * Looks once, and again only after {@link forget}.
   * @throws FatalError if a table is not Tributary's, or a column is of another type
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

  async #ensure(): Promise<Retired> {
    const { schema } = this.tables;
    const asIs = await this.database.transaction(async (transaction) => {
      await checkEncoding(transaction);
      return this.#plan(transaction);
    });
    if (asIs.statements.length === 0) return asIs.retired;
    return this.database.transaction(async (transaction) => {
      // Whoever waits for a table behind a long query makes everybody else wait behind itself: not for long.
      await transaction.query(`SET LOCAL lock_timeout = '10s'`);
      // One at a time, or several consumers that start together would trip over each other's half-made tables.
      await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tributary ${schema}`]);
      const { statements, retired } = await this.#plan(transaction);
      for (const statement of statements) await transaction.query(statement);
      return retired;
    });
  }

  async #plan(transaction: Transaction): Promise<Plan> {
    const { schema, datasets, meta, writers } = this.tables;
    const wanted = [meta, writers];
    for (const { rows, tombstones, history } of datasets.values()) {
      wanted.push(rows, tombstones, ...(history === undefined ? [] : [history]));
    }
    const [space] = await transaction.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
    const found = await transaction.query<Found>(FIND_COLUMNS, [schema, wanted.map(({ name }) => name)]);
    // Not IF NOT EXISTS: that asks for the right to create even where there is nothing to do.
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
}

const FIND_COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column", pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
         pg_catalog.col_description(c.oid, a.attnum) AS comment
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = $1 AND c.relname = ANY($2::text[])`;

/** In any other encoding some character of some record would have no place, and hold up all others for ever. */
async function checkEncoding(transaction: Transaction): Promise<void> {
  const [row] = await transaction.query<{ server_encoding: string }>('SHOW server_encoding');
  if (row?.server_encoding === 'UTF8') return;
  const message = `the Postgres database's encoding is ${row?.server_encoding}, which cannot hold every text: make one with ENCODING 'UTF8'`;
  throw new FatalError('postgres_encoding', message);
}

const define = ({ name, type, constraint }: Column): string => `${escapeIdentifier(name)} ${type} ${constraint}`;

/** A type's name is one of ours, so the comment needs no escaping. */
const mark = (table: Table, { name, field }: Column): string[] =>
  field === undefined ? [] : [`COMMENT ON COLUMN ${table.sql}.${escapeIdentifier(name)} IS '${MARK}${field}'`];

function createTable(table: Table): string[] {
  const columns = table.columns.map(define);
  const key = `PRIMARY KEY (${table.key.map(escapeIdentifier).join(', ')})`;
  return [
    `CREATE TABLE IF NOT EXISTS ${table.sql} (${[...columns, key].join(', ')})`,
    ...table.columns.flatMap((column) => mark(table, column)),
  ];
}

function changeTable(schema: string, table: Table, found: readonly Found[]): string[] {
  const types = new Map(found.map(({ column, type }) => [column, type]));
  const lacking = table.columns.find(({ name, field }) => field === undefined && !types.has(name));
  if (lacking !== undefined) {
    const message = `schema "${schema}" has a table "${table.name}" that Tributary did not make (it has no column "${lacking.name}"): set sink.postgres.schema to a schema of its own, or rename the dataset`;
    throw new FatalError('postgres_table', message);
  }
  return table.columns.flatMap((column) => {
    const type = types.get(column.name);
    if (type === column.type) return [];
    const alter = `ALTER TABLE ${table.sql}`;
    if (type === undefined) return [`${alter} ADD COLUMN IF NOT EXISTS ${define(column)}`, ...mark(table, column)];
    const name = escapeIdentifier(column.name);
    const change = `${alter} ALTER COLUMN ${name} TYPE ${column.type} USING ${name}::${column.type};`;
    const message = `table ${table.sql} has a column ${name} of type ${type}, and the pipeline asks for ${column.type}. Change it with\n  ${change}\nor drop the column, and it is made anew as records change`;
    throw new FatalError('postgres_column', message);
  });
}
