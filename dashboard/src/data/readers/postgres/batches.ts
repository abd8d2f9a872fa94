import type { Batch } from '../port.js';
import type { Ask } from '../query/dialect.js';

/** Pages of 8 kB on either side of a row: the rows of one transaction are next to each other, unless the table has gaps. */
const PAGES = 64;

/** Before version 14, Postgres reads the whole table for a range of tuple ids (release notes of 14, E.1.3.1.2). */
const LEAST_VERSION = 140_000;

interface Found {
  readonly message_id: string;
  readonly hash: string;
  readonly rows: string;
}

/**
 * How many rows became durable in one transaction with each version of a key and are still there. Nothing is stored for it:
 * rows hold the number of their transaction (xmin), and no more than a megabyte around each version is read.
 *
 * @param table quoted
 * @returns by message id and hash
 */
export async function batchesOf(
  ask: Ask,
  table: string,
  key: string,
  limit: number,
): Promise<(messageId: unknown, hash: unknown) => Batch | null> {
  const [server] = await ask<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  if (Number(server?.version ?? 0) < LEAST_VERSION) return () => null;
  const found = await ask<Found>(
    `WITH mine AS MATERIALIZED (
       SELECT _message_id, _hash, _written_at, xmin AS wrote, (ctid::text::point)[0]::bigint AS page
         FROM ${table} WHERE _key = $1 ORDER BY _order DESC LIMIT ${limit})
     SELECT _message_id AS message_id, _hash AS hash, (
       SELECT count(*) FROM ${table} near
        WHERE near.ctid >= format('(%s,0)', greatest(mine.page - ${PAGES}, 0))::tid
          AND near.ctid < format('(%s,0)', mine.page + ${PAGES + 1})::tid
          AND near.xmin = mine.wrote AND near._written_at = mine._written_at) AS rows
       FROM mine`,
    [key],
  );
  const rows = new Map(found.map((one) => [`${one.message_id} ${one.hash}`, Number(one.rows)]));
  return (messageId, hash) => {
    const count = rows.get(`${String(messageId)} ${String(hash)}`);
    return count === undefined || count === 0 ? null : { rows: count, records: null };
  };
}
