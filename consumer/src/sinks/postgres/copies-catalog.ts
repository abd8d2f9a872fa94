import { KEPT_BODIES } from '@tributary/shared';
import { type Client, escapeIdentifier, escapeLiteral } from 'pg';

/** A table as a backup keeps it. Statements name nothing with its schema: it is searched for. */
export interface SavedTable {
  readonly name: string;
  /** Columns that are copied; those that Postgres computes are not. */
  readonly columns: readonly string[];
  /** What makes the table, without its rows. */
  readonly create: string;
  /** Keys, checks, indexes and comments, which are quicker to make behind the rows. */
  readonly after: readonly string[];
  /** The rows of all pipelines lie in it: those of ours are copied, and put beside the others. */
  readonly isShared: boolean;
}

/** Made where a restore begins, and dropped where it ends. */
export const RESTORING = 'tributary_restoring';

/** Those with a column `pipeline`, and the bodies that letters name. */
const SHARED: ReadonlySet<string> = new Set([
  'tributary_meta',
  'tributary_writers',
  'tributary_marks',
  'tributary_erased',
  KEPT_BODIES.table,
]);

/** Columns that every table of a dataset has, also of one that the configuration names no more. */
const OWN = ['_key', '_hash', '_version', '_message_id', '_order'];

const TABLES = `
  SELECT c.oid::text AS oid, c.relname AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     AND (c.relname = ANY($2::text[])
       OR (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY($3::text[])) = ${OWN.length})
   ORDER BY c.relname`;

interface FoundTable {
  readonly oid: string;
  readonly name: string;
}

/** The tables of datasets, and those that Tributary keeps beside them. */
export async function tablesThere(client: Client, schema: string): Promise<FoundTable[]> {
  const { rows } = await client.query<FoundTable>(TABLES, [schema, [...SHARED], OWN]);
  return rows;
}

export const isShared = (table: string): boolean => SHARED.has(table);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  readonly required: boolean;
  readonly value: string | null;
  readonly generated: string;
  readonly comment: string | null;
}

const COLUMNS = `
  SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required, a.attgenerated AS generated,
         CASE WHEN a.attcollation <> t.typcollation THEN (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
           FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation,
         pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS value, pg_catalog.col_description(a.attrelid, a.attnum) AS comment
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

const CONSTRAINTS = `SELECT conname AS name, pg_catalog.pg_get_constraintdef(oid, true) AS definition
  FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid AND contype IN ('p', 'u', 'c') ORDER BY contype DESC, conname`;

/** Pretty, so that what the search path finds is not named with its schema. */
const INDEXES = `SELECT pg_catalog.pg_get_indexdef(i.indexrelid, 0, true) AS definition FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1::oid AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
  ORDER BY i.indexrelid`;

/** Describes a table. The search path must be its schema. */
export async function describeTable(client: Client, { oid, name }: FoundTable): Promise<SavedTable> {
  const ask = async <Row extends object>(text: string) => (await client.query<Row>(text, [oid])).rows;
  const columns = await ask<Column>(COLUMNS);
  const constraints = await ask<{ name: string; definition: string }>(CONSTRAINTS);
  const indexes = await ask<{ definition: string }>(INDEXES);
  const table = escapeIdentifier(name);
  return {
    name,
    columns: columns.filter(({ generated }) => generated === '').map((column) => column.name),
    create: `CREATE TABLE IF NOT EXISTS ${table} (${columns.map(define).join(', ')})`,
    after: [
      ...constraints.map(
        (one) => `ALTER TABLE ${table} ADD CONSTRAINT ${escapeIdentifier(one.name)} ${one.definition}`,
      ),
      ...indexes.map(({ definition }) => definition),
      ...columns.flatMap((column) =>
        column.comment === null
          ? []
          : [`COMMENT ON COLUMN ${table}.${escapeIdentifier(column.name)} IS ${escapeLiteral(column.comment)}`],
      ),
    ],
    isShared: isShared(name),
  };
}

function define({ name, type, collation, required, value, generated }: Column): string {
  const words = [escapeIdentifier(name), type];
  if (collation !== null) words.push(`COLLATE ${collation}`);
  if (generated !== '') words.push(`GENERATED ALWAYS AS (${value}) STORED`);
  // A sequence is no part of the copy.
  else if (value !== null && !value.includes('nextval(')) words.push(`DEFAULT ${value}`);
  if (required) words.push('NOT NULL');
  return words.join(' ');
}

/** Of the tables that are copied ($2), of the schema ($1): what a copy leaves out. */
const LEFT = `
  WITH ours AS (SELECT * FROM pg_catalog.pg_class WHERE oid::text = ANY($2::text[])),
  granted AS (
    SELECT relname AS name, acl.grantee FROM ours, aclexplode(relacl) acl WHERE acl.grantee <> relowner
     UNION
    SELECT relname, acl.grantee FROM ours JOIN pg_catalog.pg_attribute ON attrelid = ours.oid, aclexplode(attacl) acl WHERE acl.grantee <> relowner)
  SELECT format('%s %s', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END, c.relname) AS what
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT c.relispartition AND NOT c.oid::text = ANY($2::text[])
   UNION ALL
  SELECT format('trigger %s of %s', tgname, relname) FROM ours JOIN pg_catalog.pg_trigger ON tgrelid = ours.oid WHERE NOT tgisinternal
   UNION ALL
  SELECT format('%s %s of %s', CASE contype WHEN 'f' THEN 'foreign key' ELSE 'exclusion constraint' END, conname, relname)
    FROM ours JOIN pg_catalog.pg_constraint ON conrelid = ours.oid WHERE contype IN ('f', 'x')
   UNION ALL
  SELECT format('row security policy %s of %s', polname, relname) FROM ours JOIN pg_catalog.pg_policy ON polrelid = ours.oid
   UNION ALL
  SELECT format('rule %s of %s', rulename, relname) FROM ours JOIN pg_catalog.pg_rewrite ON ev_class = ours.oid
   UNION ALL
  SELECT format('statistics %s of %s', stxname, relname) FROM ours JOIN pg_catalog.pg_statistic_ext ON stxrelid = ours.oid
   UNION ALL
  SELECT format('identity of the column %s of %s', attname, relname) FROM ours JOIN pg_catalog.pg_attribute ON attrelid = ours.oid
   WHERE attidentity <> '' AND NOT attisdropped
   UNION ALL
  SELECT format('place of %s in the publication %s', relname, pubname) FROM ours JOIN pg_catalog.pg_publication_rel ON prrelid = ours.oid
    JOIN pg_catalog.pg_publication p ON p.oid = prpubid
   UNION ALL
  SELECT format('partitioning of %s', relname) FROM ours WHERE relkind = 'p'
   UNION ALL
  SELECT format('grant to %s on %s', CASE grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(grantee) END, string_agg(name, ', ' ORDER BY name))
    FROM granted GROUP BY grantee
   UNION ALL
  SELECT DISTINCT format('grant to %s on the schema itself', CASE acl.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(acl.grantee) END)
    FROM pg_catalog.pg_namespace, aclexplode(nspacl) acl WHERE nspname = $1 AND nspname <> 'public' AND acl.grantee <> nspowner`;

/** What other people have put beside the tables, in words: it is not copied. */
export async function leftBeside(client: Client, schema: string, tables: readonly FoundTable[]): Promise<string[]> {
  const oids = tables.map(({ oid }) => oid);
  const { rows } = await client.query<{ what: string }>(LEFT, [schema, oids]);
  return rows.map(({ what }) => `${what} of schema ${schema} is not Tributary's: it is not in the backup`);
}
