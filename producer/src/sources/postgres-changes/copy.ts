import type { Placed } from '../sql/database.js';
import { Keyset, type OrderColumn } from '../sql/keyset.js';
import { DIALECT } from '../sql/postgres/postgres.js';
import { nameOfTable } from './catalog.js';
import type { FoundTable } from './followed.js';
import type { ReadRow } from './rows.js';
import { readRows, type Types } from './rows.js';
import type { Session } from './session.js';

/** Some rows of a table. */
export interface Chunk {
  readonly records: readonly Record<string, unknown>[];
  /** The key of the last row; undefined if the table holds no more. */
  readonly after: readonly string[] | undefined;
}

/** Lets a session see the database as the snapshot shows it, until the session ends. */
export async function seeSnapshot(session: Session, snapshot: string): Promise<void> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await session.query(`SET TRANSACTION SNAPSHOT '${snapshot.replaceAll("'", "''")}'`);
}

/**
 * Reads a table in the order of its key, chunk by chunk, as the session's snapshot shows it. The next chunk is read while the caller
 * publishes the one before.
 * @param after the key to begin behind
 */
export async function* copyTable(
  session: Session,
  types: Types,
  { facts, columns, key, fields }: FoundTable,
  { chunk, after }: { readonly chunk: number; readonly after: readonly string[] | undefined },
): AsyncGenerator<Chunk, void, undefined> {
  const order = key.map((name): OrderColumn => {
    const isNullable = facts.columns.find((column) => column.name === name)?.isNullable ?? true;
    return { name, sorting: 'other', isBytewise: false, nullable: isNullable };
  });
  // The key is read once more at the end of each row: an endpoint may read a column twice.
  const selection = { from: nameOfTable(facts), columns: [...columns, ...key], order };
  const keyset = new Keyset(DIALECT, selection);
  let read: ReadRow | undefined;
  const ask = async (behind: readonly string[] | undefined) => {
    const placed = behind?.map((value): Placed => ({ value, sorting: 'other' }));
    const { text, values } = keyset.chunk({ since: undefined, after: placed }, chunk);
    const result = await session.client.query<(string | null)[]>({
      text,
      values: values.map(({ value }) => value),
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    });
    const told = result.fields.slice(0, columns.length).map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
    read ??= readRows(await types.columns(session, told), fields);
    return result.rows;
  };
  let next = ask(after);
  for (;;) {
    const rows = await next;
    const last = rows.length < chunk ? undefined : rows.at(-1)?.slice(columns.length);
    const behind = last?.map((value) => value ?? '');
    if (behind !== undefined) next = ask(behind);
    // It is awaited only later.
    next.catch(() => {});
    const records = read === undefined ? [] : rows.map(read);
    yield { records, after: behind };
    if (behind === undefined) return;
  }
}
