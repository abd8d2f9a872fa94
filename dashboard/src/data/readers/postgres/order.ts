import type { RowQuery, View } from '../port.js';
import type { ReadDatabase } from './database.js';

/** An order of rows. */
export interface Order {
  /** As it stands behind ORDER BY. */
  readonly by: string;
  /** The columns of the table's primary key, if that is the order. */
  readonly key?: readonly string[];
}

/** The order of a table's primary key. */
export function keyOrder(view: View, descending: boolean): Order {
  const key = view === 'history' ? ['_key', '_message_id', '_hash'] : ['_key'];
  return { key, by: key.map((column) => `${column} ${descending ? 'DESC' : 'ASC'}`).join(', ') };
}

/** Whether a table has more rows than that, as far as Postgres has counted them. */
export async function isLarge(database: ReadDatabase, schema: string, table: string, rows: number): Promise<boolean> {
  const [found] = await database.query<{ rows: number }>(
    `SELECT c.reltuples AS rows FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, table],
  );
  return Number(found?.rows ?? 0) > rows;
}

/**
 * The statement for one page.
 * @param from what is read: a table, or a query with its name
 * @param where `true` if the order is that of the primary key
 */
export function pageSql(
  selected: string,
  from: string,
  where: string,
  { by, key }: Order,
  { limit, offset }: Pick<RowQuery, 'limit' | 'offset'>,
): string {
  const range = `ORDER BY ${by} LIMIT ${limit} OFFSET ${offset}`;
  // The page is found first, and only its rows are formatted: else Postgres would format every row before it sorts them.
  const end = `SELECT ${selected} FROM page ORDER BY ${by}`;
  if (key === undefined) return `WITH page AS MATERIALIZED (SELECT * FROM ${from} WHERE ${where} ${range}) ${end}`;
  // Rows before the page are counted in the index, and not fetched.
  const columns = key.join(', ');
  return `WITH place AS MATERIALIZED (SELECT ${columns} FROM ${from} ${range}),
      page AS MATERIALIZED (SELECT * FROM place JOIN ${from} USING (${columns})) ${end}`;
}
