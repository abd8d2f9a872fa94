import { FatalError } from '@tributary/shared';
import { partsOf } from '../sql/database.js';
import type { Session } from './session.js';

/** A table as the catalog describes it. */
export interface TableFacts {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly isPartitioned: boolean;
  /** Whether other tables inherit from it that are no partitions. */
  readonly hasHeirs: boolean;
  readonly columns: readonly ColumnFacts[];
  /** How a row that changes or goes is named: by its primary key, by another index, by all its columns, or not at all. */
  readonly identity: 'default' | 'index' | 'full' | 'nothing';
}

export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
  readonly isOfPrimaryKey: boolean;
  /** Whether changes tell it of a row that is deleted. */
  readonly isOfIdentity: boolean;
  /** Computed by the database; pgoutput does not send it. */
  readonly isGenerated: boolean;
}

const DESCRIBE = `
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS identity,
  c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) AS heirs,
  (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'isNullable', NOT a.attnotnull,
      'isGenerated', a.attgenerated <> '',
      'isOfPrimaryKey', EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey::int2[])),
      'isOfIdentity', CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS (SELECT 1 FROM pg_index i
        WHERE i.indrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
          AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END) END) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1)`;

const IDENTITIES: Readonly<Record<string, TableFacts['identity']>> = {
  d: 'default',
  i: 'index',
  f: 'full',
  n: 'nothing',
};

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const nameOfTable = ({ schema, name }: Pick<TableFacts, 'schema' | 'name'>): string =>
  `${quoted(schema)}.${quoted(name)}`;

/** Whether a statement failed because a table or a column is not there (SQLSTATE 42P01, 42703). */
export const isGone = (error: unknown): boolean => ['42P01', '42703'].includes(codeOf(error));

/** The SQLSTATE of an error; '' if it is none of Postgres. */
export const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** @throws FatalError if there is no such table */
export async function describeTable(session: Session, table: string): Promise<TableFacts> {
  const found = await session.row(DESCRIBE, [partsOf(table).map(quoted).join('.')]);
  if (found === undefined) {
    const remedy =
      'names are case-sensitive here; a table outside of the search path needs its schema in front: sales.orders';
    throw new FatalError('table_unknown', `there is no table ${table} that this user may see; ${remedy}`);
  }
  const { kind, identity } = found;
  if (kind !== 'r' && kind !== 'p') {
    throw new FatalError('table_unknown', `${table} is no table, but a view or the like: only tables have changes`);
  }
  return {
    oid: Number(found.oid),
    schema: found.schema ?? '',
    name: found.name ?? '',
    isPartitioned: kind === 'p',
    hasHeirs: found.heirs === 't',
    columns: JSON.parse(found.columns ?? '[]') as ColumnFacts[],
    identity: IDENTITIES[identity ?? ''] ?? 'nothing',
  };
}

/**
 * Refuses a table of which not every change can be told. To put it into a publication would make Postgres refuse the updates and deletes
 * of the programs that write it.
 * @param key the columns that the entity's key is read from
 * @throws FatalError
 */
export function checkTable(table: TableFacts, key: readonly string[]): void {
  const shown = `${table.schema}.${table.name}`;
  if (table.hasHeirs) {
    const remedy = 'make them partitions of it, or read it by source: sql';
    throw new FatalError(
      'table_inherited',
      `other tables inherit from ${shown}: their rows are read with it, but their changes come under other names, and in a publication Postgres would refuse the updates of those that have no primary key: ${remedy}`,
    );
  }
  for (const name of key) {
    const column = table.columns.find((one) => one.name === name);
    if (column === undefined) {
      const columns = table.columns.map((one) => one.name).join(', ');
      throw new FatalError(
        'column_unknown',
        `${shown} has no column "${name}", from which the key is read; it has ${columns}`,
      );
    }
    if (column.isGenerated) {
      throw new FatalError(
        'key_generated',
        `the column "${name}" of ${shown} is generated, and changes do not tell it: take another key`,
      );
    }
  }
  if (table.identity === 'nothing' || !table.columns.some(({ isOfIdentity }) => isOfIdentity)) {
    const remedy = `give it a primary key (ALTER TABLE ${shown} ADD PRIMARY KEY (…)), or let changes tell the whole row (ALTER TABLE ${shown} REPLICA IDENTITY FULL)`;
    throw new FatalError(
      'table_without_identity',
      `${shown} has no primary key, and nothing else that tells which row was changed or deleted: ${remedy}`,
    );
  }
  const untold = key.filter((name) => !table.columns.some((one) => one.name === name && one.isOfIdentity));
  if (untold.length === 0) return;
  const known = table.columns.filter(({ isOfIdentity }) => isOfIdentity).map(({ name }) => name);
  throw new FatalError(
    'key_not_identity',
    `the key is read from ${untold.map((name) => `"${name}"`).join(', ')}, but of a row of ${shown} that is deleted only ${known.join(', ')} is told: ` +
      `take that as the key, or let changes tell the whole row (ALTER TABLE ${shown} REPLICA IDENTITY FULL)`,
  );
}
