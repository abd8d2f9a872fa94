import { createHash } from 'node:crypto';

/** Bytes of a query that the audit log keeps, as JSON: a control character is six of them there. */
const MOST = 2_000;

/** A query as the audit log keeps it; of one that is cut the hash of the whole stands beside it. */
export function auditedQuery(sql: string): { readonly query: string; readonly sha256?: string } {
  let bytes = 0;
  let end = 0;
  for (const character of sql) {
    bytes += Buffer.byteLength(JSON.stringify(character)) - 2;
    if (bytes > MOST) {
      return { query: `${sql.slice(0, end)}…`, sha256: createHash('sha256').update(sql).digest('hex') };
    }
    end += character.length;
  }
  return { query: sql };
}
