import { FatalError, RetryableError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import { checkTable, describeTable, nameOfTable, quoted, type TableFacts } from './catalog.js';
import { followedBy } from './followed.js';
import { lackOf, ownerHasTo } from './publication.js';
import type { Session } from './session.js';
import { checkServer, slotsOf } from './slots.js';

export interface LackingOptions {
  readonly publication: string;
  /** What the names of its slots begin with. */
  readonly prefix: string;
}

/**
 * What keeps the tables of an endpoint from being followed: each in words, with the statement to run. Nothing is made or changed, so a
 * person can ask before the first start.
 * @throws what the driver throws
 */
export async function whatLacks(
  endpoint: EndpointFrom<'postgres-changes'>,
  session: Session,
  { publication, prefix }: LackingOptions,
): Promise<readonly string[]> {
  const told: string[] = [];
  const tables: TableFacts[] = [];
  await wordsOf(told, () => checkServer(session));
  const user = await userOf(session);
  if (!user.mayReplicate) {
    told.push(
      `the user ${user.name} may not replicate: ALTER ROLE ${quoted(user.name)} REPLICATION (on RDS: GRANT rds_replication TO ${quoted(user.name)})`,
    );
  }
  for (const { table, key } of followedBy(endpoint)) {
    await wordsOf(told, async () => {
      const facts = await describeTable(session, table);
      told.push(...(await rightsLacking(session, facts, user.name)));
      checkTable(facts, key);
      tables.push(facts);
    });
  }
  if (tables.length > 0) {
    await wordsOf(told, async () => {
      const lack = await lackOf(session, publication, tables);
      if (lack !== undefined && !(await mayPublish(session, publication, lack.isNew, tables)))
        told.push(ownerHasTo(lack));
    });
  }
  told.push(...(await roomLacking(session, prefix)));
  return told;
}

async function wordsOf(told: string[], check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof FatalError || error instanceof RetryableError)) throw error;
    told.push(error.message);
  }
}

/** On RDS a role stands for the right to replicate. */
async function userOf(session: Session): Promise<{ readonly name: string; readonly mayReplicate: boolean }> {
  const row = await session.row(`SELECT rolname AS name, rolsuper OR rolreplication OR EXISTS (SELECT 1 FROM pg_roles r
      WHERE r.rolname IN ('rds_replication', 'rds_superuser') AND pg_has_role(current_user, r.oid, 'member')) AS replicates
    FROM pg_roles WHERE rolname = current_user`);
  return { name: row?.name ?? '', mayReplicate: row?.replicates === 't' };
}

async function rightsLacking(session: Session, table: TableFacts, user: string): Promise<readonly string[]> {
  const row = await session.row(
    `SELECT has_schema_privilege($2, 'USAGE') AS uses, row_security_active($1::oid) AS hidden,
      has_table_privilege($1::oid, 'SELECT') OR (SELECT bool_and(has_column_privilege($1::oid, attnum, 'SELECT'))
        FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS reads`,
    [table.oid, table.schema],
  );
  const [shown, to] = [`${table.schema}.${table.name}`, quoted(user)];
  return [
    ...(row?.uses === 'f'
      ? [`the user ${user} may not use the schema: GRANT USAGE ON SCHEMA ${quoted(table.schema)} TO ${to}`]
      : []),
    ...(row?.reads === 't'
      ? []
      : [`the user ${user} may not read ${shown}: GRANT SELECT ON ${nameOfTable(table)} TO ${to}`]),
    ...(row?.hidden === 't'
      ? [
          `a policy hides rows of ${shown} from the user ${user}, and they would count as deleted: ALTER ROLE ${to} BYPASSRLS`,
        ]
      : []),
  ];
}

/** Whether this user may make the publication, or add tables to it. */
async function mayPublish(
  session: Session,
  publication: string,
  isNew: boolean,
  tables: readonly TableFacts[],
): Promise<boolean> {
  const mayChange = isNew
    ? `has_database_privilege(current_database(), 'CREATE')`
    : `EXISTS (SELECT 1 FROM pg_publication WHERE pubname = $2 AND pg_has_role(current_user, pubowner, 'USAGE'))`;
  const row = await session.row(
    `SELECT ${mayChange} AND bool_and(pg_has_role(current_user, relowner, 'USAGE')) AS may
      FROM pg_class WHERE oid = ANY ($1::oid[])${isNew ? '' : ' AND $2::text IS NOT NULL'}`,
    isNew ? [tables.map(({ oid }) => oid)] : [tables.map(({ oid }) => oid), publication],
  );
  return row?.may === 't';
}

/** Slots and senders are counted for the whole server. */
async function roomLacking(session: Session, prefix: string): Promise<readonly string[]> {
  const row = await session.row(`SELECT current_setting('max_replication_slots')::int AS slots,
    (SELECT count(*) FROM pg_replication_slots) AS used, current_setting('max_wal_senders')::int AS senders,
    (SELECT count(*) FROM pg_stat_replication) AS busy`);
  const [slots, used, senders, busy] = [row?.slots, row?.used, row?.senders, row?.busy].map(Number);
  const isThere = (await slotsOf(session, prefix)).length > 0;
  const full = (what: string, setting: string, most = 0) =>
    `all ${most} ${what} of the server are in use: ALTER SYSTEM SET ${setting} = ${most + 5}, and restart it`;
  return [
    ...(!isThere && (used ?? 0) >= (slots ?? 0)
      ? [
          `${full('replication slots', 'max_replication_slots', slots)}, or drop slots that nothing uses (SELECT * FROM pg_replication_slots)`,
        ]
      : []),
    // A producer that follows already holds one of them.
    ...(!isThere && (busy ?? 0) >= (senders ?? 0) ? [full('senders', 'max_wal_senders', senders)] : []),
  ];
}
