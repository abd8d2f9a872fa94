import type { Client } from 'pg';
import { SqlError } from '../port.js';
import type { PostgresPlace } from '../task.js';
import { asSqlError } from './errors.js';

const VIEW = 'CREATE TEMPORARY VIEW tributary_query AS ';

/** Functions that Postgres calls volatile, and that change nothing. */
const HARMLESS = new Set(['random', 'gen_random_uuid', 'clock_timestamp', 'timeofday']);
/**
 * Functions that Postgres does not call volatile, and that tell of the server, of who asks, of other sessions or of tables that are no dataset,
 * run SQL, or go on for minutes whatever ends them, as paths into XML do.
 */
const INNER = new RegExp(
  `^(${[
    'pg_(?!typeof$)|inet_|has_|to_reg|row_security|txid_|lo_|fmgr_|postgresql_fdw_|ts_stat|ts_rewrite|.*_to_xml|.*_description$|aclexplode$|makeaclitem$|satisfies_hash_partition$',
    'version$|.*unicode_version$|getdatabaseencoding$|getpgusername$|format_type$|oidvectortypes$|reg\\w+(out|send)$',
    'current_(setting|database|schemas?|user|catalog|query|role)$|(session|system)_user$|user$',
    'xpath|xmlexists$',
  ].join('|')})`,
);
/** What is written without parentheses, such as CURRENT_USER, and is a name: the others are times. 19 is the type of names. */
const WHO_ASKS = /\{SQLVALUEFUNCTION :op \d+ :type 19\b/;
/** XMLTABLE; Postgres 17 has JSON_TABLE for such a node too, as its kind 1. */
const XML_TABLE = /\{TABLEFUNC (?!:functype 1\b)/;
/**
 * cstring and internal. What takes or gives them is how Postgres reads and writes values itself; some of it takes the type by its number, and so
 * tells the names that {@link NAMES} shut.
 */
const INSIDE = [2275, 2281];

/**
 * Types of numbers that are written as a name of the server. The other ones of their kind name rules of languages, and types: each table has one
 * of its name, so a number must not become one, while pg_typeof() may give one.
 */
const NAMES = ['regclass', 'regrole', 'regnamespace', 'regproc', 'regprocedure', 'regoper', 'regoperator', 'aclitem'];

/**
 * Has Postgres itself say what the query uses, without running it: as a temporary view, which is taken back at once. Postgres then knows each
 * table and each function by its number, whatever name or operator they were called by. A query may use the tables of the datasets, and
 * functions and types of Postgres' own that change nothing and tell nothing of the server. So even a superuser's connection reads no file here.
 * @throws SqlError
 */
export async function checkQuery(client: Client, sql: string, { schema, tables }: PostgresPlace): Promise<void> {
  await client.query('BEGIN READ WRITE');
  try {
    const view = { text: VIEW + sql, queryMode: 'extended' } as const;
    await client.query(view);
    const { rows } = await client.query<{ oid: string; tree: string }>(
      `SELECT c.oid::text AS oid, r.ev_action::text AS tree FROM pg_catalog.pg_class c JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid
        WHERE c.relname = 'tributary_query' AND c.relnamespace = pg_catalog.pg_my_temp_schema()`,
    );
    const [found] = rows;
    if (found === undefined) throw new SqlError('sql_refused', 'Postgres does not tell what the query would use');
    await checkTables(client, found, schema, tables);
    await checkFunctions(client, found.tree);
    await checkTypes(client, found.tree, schema, tables);
  } catch (error) {
    if (error instanceof SqlError) throw error;
    await client.query('ROLLBACK');
    throw withoutOthers(asSqlError(error, 0, VIEW.length), sql, await ownNames(client, schema, tables));
  } finally {
    await client.query('ROLLBACK');
  }
}

/** The names of the datasets' tables and of their columns. */
async function ownNames(client: Client, schema: string, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.attname AS name FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2::text[])`,
    [schema, tables],
  );
  return new Set([...tables, ...rows.map(({ name }) => name)]);
}

/**
 * Before Postgres has told which tables a query uses, its error may name columns of any: `SELECT salry FROM other.salaries` is answered with what
 * was meant. A name that neither the query nor a dataset has is left out.
 */
function withoutOthers(error: unknown, sql: string, own: ReadonlySet<string>): unknown {
  if (!(error instanceof SqlError)) return error;
  const asked = sql.toLowerCase();
  const isKnown = (name: string) => own.has(name) || asked.includes(name.toLowerCase());
  const message = error.message.replaceAll(/"([^"]+)"/g, (quoted, name: string) =>
    isKnown(name) || name.split('.').every(isKnown) ? quoted : '"…"',
  );
  return new SqlError(error.code, message, error.position);
}

const numbersOf = (tree: string, name: RegExp): string[] => [
  ...new Set([...tree.matchAll(name)].map(([, number]) => number ?? '')),
];

async function checkTables(
  client: Client,
  { tree, oid }: { readonly tree: string; readonly oid: string },
  schema: string,
  tables: readonly string[],
): Promise<void> {
  const used = numbersOf(tree, /:relid (\d+)/g).filter((one) => one !== '0' && one !== oid);
  const { rows } = await client.query<{ name: string; own: string }>(
    `SELECT c.oid::regclass::text AS name, n.nspname = $2 AND c.relname = ANY($3::text[]) AS own
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY($1::oid[])`,
    [used, schema, tables],
  );
  const other = rows.find(({ own }) => own !== 't');
  if (other === undefined && rows.length === used.length) return;
  throw new SqlError(
    'sql_refused',
    `there is no table ${other?.name ?? 'of that name'} here; those here are ${tables.join(', ')}`,
  );
}

async function checkFunctions(client: Client, tree: string): Promise<void> {
  if (WHO_ASKS.test(tree))
    throw new SqlError('sql_refused', 'who asks, and where, cannot be asked here: current_user and its like');
  if (XML_TABLE.test(tree)) throw new SqlError('sql_refused', 'XMLTABLE cannot be used here');
  const used = numbersOf(tree, /:(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)/g).filter((one) => one !== '0');
  const { rows } = await client.query<{ name: string; volatile: string; own: string; inside: string }>(
    `SELECT p.proname AS name, p.provolatile = 'v' AS volatile, n.nspname = 'pg_catalog' AS own,
            $2::oid[] && (p.proargtypes::oid[] || p.prorettype) AS inside
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = ANY($1::oid[])`,
    [used, INSIDE],
  );
  const other = rows.find(
    ({ name, volatile, own, inside }) =>
      own !== 't' || inside === 't' || INNER.test(name) || (volatile === 't' && !HARMLESS.has(name)),
  );
  if (other !== undefined) throw new SqlError('sql_refused', `${other.name}() cannot be used here`);
  if (rows.length !== used.length) throw new SqlError('sql_refused', 'Postgres does not tell what the query would use');
}

/**
 * A value of a type such as regclass or regrole is a number that Postgres writes as a name: counting up, it tells all tables and roles of the
 * server. So do the rows of Postgres' own tables, which hold such values, when they are made from JSON.
 */
async function checkTypes(client: Client, tree: string, schema: string, tables: readonly string[]): Promise<void> {
  // The columns of a function that gives rows stand in a list.
  const listed = [...tree.matchAll(/:\w*coltypes \(o ([\d ]+)\)/g)].flatMap(([, numbers = '']) => numbers.split(' '));
  const used = [...numbersOf(tree, /:\w*type(?:id)? (\d+)/gi), ...listed].filter((one) => one !== '0');
  const made = [...numbersOf(tree, /:(?:const|result)type (\d+)/g), ...listed];
  const { rows } = await client.query<{ name: string }>(
    `SELECT pg_catalog.format_type(t.oid, NULL) AS name
       FROM pg_catalog.pg_type a JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN a.typelem <> 0 AND a.typlen = -1 THEN a.typelem ELSE a.oid END
       JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
      WHERE a.oid = ANY($1::oid[]) AND (
        n.nspname = 'pg_catalog' AND (t.typrelid <> 0 OR t.typname = ANY($4::text[]))
        OR n.nspname = 'pg_catalog' AND t.typname = 'regtype' AND a.oid = ANY($5::oid[])
        OR t.typrelid <> 0 AND NOT (n.nspname = $2 AND c.relname = ANY($3::text[])))`,
    [used, schema, tables, NAMES, made],
  );
  const [other] = rows;
  if (other !== undefined) throw new SqlError('sql_refused', `the type ${other.name} cannot be used here`);
}
