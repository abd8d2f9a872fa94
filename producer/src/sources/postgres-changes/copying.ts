import type { Clock } from '@tributary/shared';
import type { FollowRequest } from '../port.js';
import { copyTable } from './copy.js';
import { generationOf, versionAt, writeLsn } from './lsn.js';
import { type Opened, resumesAfter } from './opening.js';
import type { ChangesPlace, PlacedBatch, TablePlace } from './place.js';
import type { Types } from './rows.js';

export interface CopyingOptions extends Pick<FollowRequest, 'knows' | 'signal'> {
  readonly types: Types;
  /** Rows that are read at a time. */
  readonly chunk: number;
  readonly clock: Clock;
  onNews(news: string): void;
}

/** Copies what has to be copied, and ends the session that sees it. @returns the place to stream from */
export async function* copyTables(
  { place: before, copies, copying, copiedAt }: Opened,
  { types, chunk, clock, knows, signal, onNews }: CopyingOptions,
): AsyncGenerator<PlacedBatch, ChangesPlace, undefined> {
  const version = versionAt(generationOf(before.slot), copiedAt, 0);
  let place = before;
  if (copying === undefined) return place;
  try {
    for (const table of copies) {
      const { id: endpoint, fingerprint: settings } = table.endpoint;
      const { oid } = table.facts;
      const after = resumesAfter(table, place.tables[endpoint]);
      const isFirst = after !== undefined || !(await knows(endpoint));
      const behind = after === undefined ? '' : `, behind the key ${after.join(', ')}`;
      onNews(`the table ${table.table} is copied as of ${writeLsn(copiedAt)}${behind}`);
      for await (const read of copyTable(copying, types, table, { chunk, after })) {
        signal.throwIfAborted();
        const isCopied = read.after === undefined;
        const reached: TablePlace = {
          oid,
          settings,
          isCopied,
          ...(isFirst && read.after !== undefined ? { after: read.after } : {}),
        };
        place = { ...place, tables: { ...place.tables, [endpoint]: reached } };
        const rows = read.records.map((raw) => ({ kind: 'put' as const, endpoint, raw, version }));
        const compared = isCopied && !isFirst ? [{ kind: 'compare' as const, endpoint, version }] : [];
        yield { changes: [...rows, ...compared], fetchedAt: clock.now(), place };
      }
    }
  } finally {
    await copying.close();
  }
  return place;
}
