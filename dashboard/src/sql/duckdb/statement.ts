import type { DuckDBConnection } from '@duckdb/node-api';
import { SqlError } from '../port.js';
import { quoted } from '../quoted.js';

/** Functions that give rows, and know nothing of this machine. */
const ROW_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'json_each', 'json_tree', 'repeat']);
/** Functions that tell or change how DuckDB runs, or plan a text as a query: they would show where this machine has its files. */
const INNER_FUNCTIONS =
  /^(current_setting|getvariable|getenv|nextval|currval|write_log|json_serialize_plan|json_execute_serialized_sql|pg_.*)$/;

/** What `json_serialize_sql` tells. */
interface Told {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

/** A node of the tree that DuckDB's parser has made of a query. */
type Node = Readonly<Record<string, unknown>>;

/**
 * Looks at what DuckDB's own parser makes of the query: one statement that selects, from the datasets' tables alone. That nothing is written and
 * no file is reached is held by how the database was opened; this keeps from a query what DuckDB tells of itself, such as the paths of its files.
 * @throws SqlError
 */
export async function checkStatement(
  connection: DuckDBConnection,
  sql: string,
  tables: readonly string[],
): Promise<void> {
  const [statement] = await statementsOf(connection, sql);
  const nodes = nodesOf(statement);
  const own = await connection.runAndReadAll('SELECT lower(view_name) FROM duckdb_views() WHERE internal');
  const inner = new Set(own.getRowsJson().map(([name]) => String(name)));
  const known = new Set(tables.map((name) => name.toLowerCase()));
  for (const { cte_map: map } of nodes) {
    for (const { key } of (map as { map?: { key: string }[] } | undefined)?.map ?? []) {
      // Where it does not reach, the name would be that of DuckDB's own table.
      if (inner.has(key.toLowerCase()))
        throw new SqlError('sql_refused', `${key} is a name of DuckDB's own: take another one`);
      known.add(key.toLowerCase());
    }
  }
  for (const node of nodes) {
    const position = Number(node.query_location);
    const at = position < sql.length ? position : undefined;
    const refuse = (message: string) => new SqlError('sql_refused', message, at);
    if (node.type === 'BASE_TABLE') {
      const name = String(node.table_name);
      const [schema, catalog] = [String(node.schema_name), String(node.catalog_name)];
      if (known.has(name.toLowerCase()) && ['', 'main'].includes(schema.toLowerCase()) && catalog === '') continue;
      throw refuse(`there is no table ${name.slice(0, 100)} here; those here are ${tables.join(', ')}`);
    }
    if (node.type === 'TABLE_FUNCTION') {
      const name = String((node.function as Node | undefined)?.function_name);
      if (!ROW_FUNCTIONS.has(name.toLowerCase())) throw refuse(`${name.slice(0, 100)}() cannot be used here`);
    }
    if (node.type === 'VALUE_PARAMETER') throw refuse('a query has no parameters here');
    const name = node.function_name;
    if (typeof name === 'string' && INNER_FUNCTIONS.test(name.toLowerCase()))
      throw refuse(`${name}() cannot be used here`);
  }
}

async function statementsOf(connection: DuckDBConnection, sql: string): Promise<readonly unknown[]> {
  const result = await connection.runAndReadAll(`SELECT json_serialize_sql(${quoted(sql)})`);
  const told = JSON.parse(String(result.getRowsJson()[0]?.[0])) as Told;
  if (told.error) {
    if (told.error_type === 'not implemented')
      throw new SqlError('sql_refused', 'only queries run here: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE');
    throw new SqlError(
      'sql_wrong',
      String(told.error_message).split('\n')[0] ?? '',
      told.position === undefined ? undefined : Number(told.position),
    );
  }
  const { statements = [] } = told;
  if (statements.length === 0) throw new SqlError('sql_wrong', 'there is no query');
  if (statements.length > 1)
    throw new SqlError('sql_refused', `there are ${statements.length} statements: one runs at a time`);
  return statements;
}

/** Every object within a tree. */
function nodesOf(root: unknown): Node[] {
  const found: Node[] = [];
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const one = waiting.pop();
    if (typeof one !== 'object' || one === null) continue;
    if (!Array.isArray(one)) found.push(one as Node);
    waiting.push(...Object.values(one));
  }
  return found;
}
