import type { Cell, Dashboard, SqlColumn } from '@tributary/dashboard';

export interface QueryOptions {
  /** Rows after which the result is cut, and says so; 10,000 unless given. */
  readonly maxRows?: number;
  /** Seconds that the query may take; 30 unless given. */
  readonly seconds?: number;
  /** Megabytes that the query may take; 256 unless given. */
  readonly memory?: number;
  /** Ends the query when it aborts. */
  readonly signal?: AbortSignal;
}

export interface QueryResult {
  readonly columns: readonly SqlColumn[];
  /** By the names of the columns. */
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** The moment as of which all datasets were read, ISO 8601 in UTC. */
  readonly asOf: string;
  /** Whether there are more rows than `maxRows`. */
  readonly isCut: boolean;
}

const MOST_ROWS = 10_000;

export async function runQuery(
  sql: Dashboard['sql'],
  text: string,
  { maxRows = MOST_ROWS, signal = new AbortController().signal, ...limits }: QueryOptions = {},
): Promise<QueryResult> {
  const result = await sql.run(text, { maxRows, signal, ...limits });
  const rows: Record<string, Cell>[] = [];
  for await (const some of result.rows) {
    for (const row of some) {
      rows.push(Object.fromEntries(result.columns.map(({ name }, index) => [name, row[index] ?? null])));
    }
  }
  return { columns: result.columns, rows, asOf: result.asOf, isCut: result.isCut() };
}
