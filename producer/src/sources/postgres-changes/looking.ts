import type { Clock } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import type { Description, Page } from '../port.js';
import { describeTable } from './catalog.js';
import { copyTable } from './copy.js';
import { followedBy } from './followed.js';
import { type LackingOptions, whatLacks } from './lacking.js';
import type { Types } from './rows.js';
import type { Session } from './session.js';

/** The rows of the table as it is now, for a person who sets the endpoint up. */
export async function* rowsNow(
  endpoint: EndpointFrom<'postgres-changes'>,
  session: Session,
  types: Types,
  clock: Clock,
): AsyncGenerator<Page, void, undefined> {
  const [followed] = followedBy(endpoint);
  if (followed === undefined) return;
  const facts = await describeTable(session, followed.table);
  const columns = facts.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
  const { chunk } = endpoint.config;
  const copied = copyTable(session, types, { ...followed, facts, columns }, { chunk, after: undefined });
  for await (const { records } of copied) yield { records, fetchedAt: clock.now(), serverTime: undefined };
}

/** @param onDoubt told what would keep the table from being followed: its rows are shown all the same */
export async function describeFollowed(
  endpoint: EndpointFrom<'postgres-changes'>,
  session: Session,
  { onDoubt, ...options }: LackingOptions & { onDoubt(doubt: string): void },
): Promise<Description> {
  for (const lack of await whatLacks(endpoint, session, options)) onDoubt(lack);
  const { table } = endpoint.config;
  const { columns, oid } = await describeTable(session, table);
  const size = await session.row(
    'SELECT reltuples::bigint AS rows, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE oid = $1',
    [oid],
  );
  const rows = Number(size?.rows ?? -1);
  return {
    name: `the table ${table}`,
    columns: columns.map(({ name, type, isNullable, isGenerated }) => ({
      name,
      type: isGenerated ? `${type}, generated: changes do not tell it` : type,
      nullable: isNullable,
    })),
    key: columns.filter(({ isOfPrimaryKey }) => isOfPrimaryKey).map(({ name }) => name),
    rows: rows < 0 ? undefined : rows,
    bytes: Number(size?.bytes),
  };
}
