import { describeError, FatalError } from '@tributary/shared';
import { nameOfTable, quoted, type TableFacts } from './catalog.js';
import type { Session } from './session.js';

/** What a publication tells of its tables. */
interface Publication {
  readonly isOfAllTables: boolean;
  readonly isByRoot: boolean;
  /** Kinds of changes that it leaves out. */
  readonly missing: readonly string[];
}

/** A table within a publication: `schema.table`, its columns if they were chosen, and the rows that it is restricted to. */
interface PublishedTable {
  readonly schemaname: string;
  readonly tablename: string;
  readonly attnames?: readonly string[] | null;
  readonly rowfilter?: string | null;
}

/** Which columns of each table changes tell: all but those that are generated, unless the publication chooses. */
export type PublishedColumns = ReadonlyMap<number, ReadonlySet<string> | undefined>;

/**
 * Makes the publication if it is not there, and adds the tables that it lacks.
 * @param onDoubt told of what is published otherwise than a person may think
 * @returns for each table the columns that were chosen; undefined for all
 * @throws FatalError with the statement that the owner of the tables has to run
 */
export async function ensurePublication(
  session: Session,
  name: string,
  tables: readonly TableFacts[],
  onDoubt: (doubt: string) => void,
): Promise<PublishedColumns> {
  const lack = await lackOf(session, name, tables);
  if (lack !== undefined) await change(session, lack);
  const published = await tablesOf(session, name);
  return new Map(
    tables.map((table) => {
      const one = published.find((candidate) => isSame(candidate, table));
      if (one?.rowfilter) {
        onDoubt(
          `the publication "${name}" restricts ${table.name} to rows with ${one.rowfilter}: the copy takes all rows`,
        );
      }
      return [table.oid, one?.attnames === undefined || one.attnames === null ? undefined : new Set(one.attnames)];
    }),
  );
}

/** What a publication lacks, in words, and the statement that gives it that. */
export interface PublicationLack {
  readonly why: string;
  readonly statement: string;
  readonly isNew: boolean;
}

/**
 * What has to be done before the publication tells the changes of the tables; undefined if nothing has.
 * @throws FatalError if it is set otherwise than is needed, with the statement that changes that
 */
export async function lackOf(
  session: Session,
  name: string,
  tables: readonly TableFacts[],
): Promise<PublicationLack | undefined> {
  const list = (some: readonly TableFacts[]) => some.map(nameOfTable).join(', ');
  const found = await read(session, name);
  if (found === undefined) {
    const statement = `CREATE PUBLICATION ${quoted(name)} FOR TABLE ${list(tables)} WITH (publish_via_partition_root = true)`;
    return { why: `the publication "${name}" is not there`, statement, isNew: true };
  }
  check(name, found, tables);
  const published = await tablesOf(session, name);
  const lacking = tables.filter((table) => !published.some((one) => isSame(one, table)));
  if (lacking.length === 0) return undefined;
  const shown = lacking.map(({ schema, name: table }) => `${schema}.${table}`).join(', ');
  const statement = `ALTER PUBLICATION ${quoted(name)} ADD TABLE ${list(lacking)}`;
  return { why: `the publication "${name}" lacks ${shown}`, statement, isNew: false };
}

/** The words for a publication that this user may not change. */
export const ownerHasTo = ({ why, statement }: PublicationLack, because = ''): string =>
  `${why}, and this user may not change that${because}; let the owner of the tables run: ${statement}`;

/**
 * The tables whose changes the publication leaves out as it is now: they were taken out of it, or it was made anew or changed, since they
 * were copied. Their changes meanwhile are not in the stream.
 */
export async function leftOut(
  session: Session,
  name: string,
  tables: readonly TableFacts[],
): Promise<readonly TableFacts[]> {
  const found = await read(session, name);
  if (found === undefined || found.missing.length > 0) return tables;
  const published = await tablesOf(session, name);
  return tables.filter(
    (table) => (table.isPartitioned && !found.isByRoot) || !published.some((one) => isSame(one, table)),
  );
}

const isSame = ({ schemaname, tablename }: PublishedTable, { schema, name }: TableFacts): boolean =>
  schemaname === schema && tablename === name;

async function read(session: Session, name: string): Promise<Publication | undefined> {
  const text =
    'SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, puballtables FROM pg_publication WHERE pubname = $1';
  const row = await session.row(text, [name]);
  if (row === undefined) return undefined;
  const kinds = { pubinsert: 'insert', pubupdate: 'update', pubdelete: 'delete', pubtruncate: 'truncate' };
  return {
    isOfAllTables: row.puballtables === 't',
    isByRoot: row.pubviaroot === 't',
    missing: Object.entries(kinds).flatMap(([column, kind]) => (row[column] === 't' ? [] : [kind])),
  };
}

async function tablesOf(session: Session, name: string): Promise<PublishedTable[]> {
  // Columns and filters are told since Postgres 15.
  const rows = await session.query('SELECT to_jsonb(t) FROM pg_publication_tables t WHERE pubname = $1', [name]);
  return rows.map(([text]) => JSON.parse(text ?? '{}') as PublishedTable);
}

function check(name: string, { missing, isByRoot }: Publication, tables: readonly TableFacts[]): void {
  const own = quoted(name);
  if (missing.length > 0) {
    throw new FatalError(
      'publication_incomplete',
      `the publication "${name}" leaves out ${missing.join(', ')}: ALTER PUBLICATION ${own} SET (publish = 'insert, update, delete, truncate')`,
    );
  }
  const partitioned = tables.find(({ isPartitioned }) => isPartitioned);
  if (partitioned === undefined || isByRoot) return;
  throw new FatalError(
    'publication_incomplete',
    `the publication "${name}" tells changes of ${partitioned.name} as those of its partitions: ALTER PUBLICATION ${own} SET (publish_via_partition_root = true)`,
  );
}

async function change(session: Session, lack: PublicationLack): Promise<void> {
  try {
    await session.query(lack.statement);
  } catch (error) {
    const { code } = error as { code?: unknown };
    // Another producer made it at the same time.
    if (code === '42710') return;
    if (code !== '42501') throw error;
    throw new FatalError('publication_missing', ownerHasTo(lack, ` (${describeError(error)})`), { cause: error });
  }
}
