import type { Cell, Dashboard, SqlColumn } from '@tributary/dashboard';
import { FatalError } from '@tributary/shared';

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

/** What each may be at most: of seconds what a timer of Node holds, of megabytes what any machine has. */
const MOST = { maxRows: Number.POSITIVE_INFINITY, seconds: 2_000_000, memory: 16 * 1024 * 1024 } as const;

/** @throws FatalError for a number that nothing would be bounded by */
function checkNumbers(given: Readonly<Partial<Record<keyof typeof MOST, number | undefined>>>): void {
  for (const name of ['maxRows', 'seconds', 'memory'] as const) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value === 'number' && value > 0 && value <= MOST[name]) continue;
    throw new FatalError(
      'query_invalid',
      `${name} is ${String(value)}: expected a number above 0, up to ${MOST[name]}`,
    );
  }
}

export async function runQuery(
  sql: Dashboard['sql'],
  text: string,
  { maxRows = MOST_ROWS, signal = new AbortController().signal, ...limits }: QueryOptions = {},
): Promise<QueryResult> {
  if (typeof text !== 'string') throw new FatalError('query_invalid', 'the query is no text');
  checkNumbers({ maxRows, ...limits });
  const result = await sql.run(text, { maxRows, signal, ...limits });
  const rows: Record<string, Cell>[] = [];
  for await (const some of result.rows) {
    for (const row of some) {
      rows.push(Object.fromEntries(result.columns.map(({ name }, index) => [name, row[index] ?? null])));
    }
  }
  return { columns: result.columns, rows, asOf: result.asOf, isCut: result.isCut() };
}
