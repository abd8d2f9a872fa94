import { RetryableError } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import type { FollowRequest } from '../port.js';
import { checkTable, describeTable, nameOfTable } from './catalog.js';
import { seeSnapshot } from './copy.js';
import { type Followed, type FoundTable, followedBy } from './followed.js';
import { type Lsn, writeLsn } from './lsn.js';
import type { ChangesPlace, TablePlace } from './place.js';
import { ensurePublication } from './publication.js';
import type { Session } from './session.js';
import { checkServer, createSlot, dropSlot, identify, type Server, type Slot, slotName, slotsOf } from './slots.js';

/** What the opening of a slot needs. */
export interface OpeningOptions extends Pick<FollowRequest, 'knows'> {
  readonly endpoint: EndpointFrom<'postgres-changes'>;
  /** What the names of its slots begin with. */
  readonly prefix: string;
  readonly publication: string;
  readonly session: Session;
  openSession(isReplication: boolean): Promise<Session>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Told of what is read again, and why. */
  onNews(news: string): void;
  onDoubt(doubt: string): void;
}

/** A slot that can be streamed from, and what has to be copied before. */
export interface Opened {
  readonly place: ChangesPlace;
  readonly tables: readonly FoundTable[];
  readonly copies: readonly FoundTable[];
  /** Sees the database as it was at {@link copiedAt}; undefined if there is nothing to copy. */
  readonly copying: Session | undefined;
  readonly copiedAt: Lsn;
}

/** Finds the tables, and refuses those whose changes cannot be told. */
export async function findTables(
  endpoint: EndpointFrom<'postgres-changes'>,
  session: Session,
): Promise<(Followed & Pick<FoundTable, 'facts'>)[]> {
  const found: (Followed & Pick<FoundTable, 'facts'>)[] = [];
  for (const followed of followedBy(endpoint)) {
    const facts = await describeTable(session, followed.table);
    checkTable(facts, followed.key);
    found.push({ ...followed, facts });
  }
  return found;
}

/**
 * Makes all ready to stream: tables, publication, slot. A slot is made anew where places in the log of before say nothing any more, and
 * tables are copied where changes may have been missed.
 * @param saved how far earlier runs have come
 * @throws what the driver throws; FatalError for what a person has to change
 */
export async function openSlot(options: OpeningOptions, saved: ChangesPlace | undefined): Promise<Opened> {
  const { endpoint, prefix, publication, session, openSession, onNews, onDoubt, now } = options;
  await checkServer(session);
  const found = await findTables(endpoint, session);
  const facts = found.map((one) => one.facts);
  const published = await ensurePublication(session, publication, facts, onDoubt);
  const tables = found.map((one): FoundTable => {
    const chosen = published.get(one.facts.oid);
    const told = one.facts.columns.filter(({ name, isGenerated }) => !isGenerated && (chosen?.has(name) ?? true));
    return { ...one, columns: told.map(({ name }) => name) };
  });
  const replication = await openSession(true);
  let copying: Session | undefined;
  try {
    const server = await identify(replication);
    const slots = await slotsOf(session, prefix);
    const [own] = slots;
    const anew = whyAnew(saved, server, own);
    if (anew !== undefined && saved !== undefined)
      onNews(`${anew}: a new slot is made, and all tables are copied again`);
    if (own === undefined || anew !== undefined) {
      for (const slot of slots) await dropSlot(session, slot);
      const generation = Math.max(now, ...slots.map((slot) => slot.generation + 1));
      const made = await createSlot(replication, slotName(prefix, generation), false);
      copying = await openSession(false);
      await seeSnapshot(copying, made.snapshot);
      const place = { slot: made.name, ...systemOf(server), lsn: made.begin, kept: [], tables: {} };
      return { place, tables, copies: tables, copying, copiedAt: made.begin };
    }
    for (const slot of slots.slice(1)) await dropSlot(session, slot);
    const missed = saved === undefined ? undefined : whyMissed(saved, own);
    if (missed !== undefined) onNews(`${missed}: all tables are copied again`);
    const known = missed === undefined ? (saved?.tables ?? {}) : {};
    const lacking = tables.filter((table) => !isCopied(table, known[table.endpoint.id], onNews));
    const copies = await withSiblings(tables, lacking, known, options);
    const kept = tables.flatMap((table): [string, TablePlace][] => {
      const { id } = table.endpoint;
      const place = known[id];
      const isCopiedWithOther = copies.includes(table) && !lacking.includes(table);
      return place === undefined || isCopiedWithOther ? [] : [[id, place]];
    });
    // What was deleted before the copy is in the log alone, where Redis has lost the keys: so all that the slot still has is streamed. What the copy
    // has of it is newer.
    const lsn = missed === undefined && saved !== undefined ? saved.lsn : own.confirmed;
    // What a copy brings is not in the log, so a checkpoint before it would not bring it again.
    const canGoBack = missed === undefined && copies.length === 0;
    const checkpoints = canGoBack ? (saved?.kept.filter((one) => one.lsn >= own.confirmed) ?? []) : [];
    const place = {
      slot: own.name,
      ...systemOf(server),
      lsn,
      kept: checkpoints,
      tables: Object.fromEntries(kept),
      ...(saved?.outlived === true && copies.length === 0 ? ({ outlived: true } as const) : {}),
    };
    if (copies.length === 0) return { place, tables, copies, copying: undefined, copiedAt: lsn };
    // It lives as long as the session that makes it, and is there only to show the database at a known place.
    const shown = await createSlot(replication, `${own.name}_copy`, true);
    copying = await openSession(false);
    await seeSnapshot(copying, shown.snapshot);
    return { place, tables, copies, copying, copiedAt: shown.begin };
  } catch (error) {
    await copying?.close();
    throw error;
  } finally {
    await replication.close();
  }
}

/**
 * The tables that are to be copied. Of a table that is copied again, the rows that are gone are found, and get tombstones as of the copy. One
 * of them may have moved to another table of the entity meanwhile: its insert comes with the stream, under an older version, and would be dropped. So
 * these tables are copied with it, and their rows have the version of the copy too.
 */
async function withSiblings(
  tables: readonly FoundTable[],
  lacking: readonly FoundTable[],
  known: ChangesPlace['tables'],
  { knows, onNews }: Pick<OpeningOptions, 'knows' | 'onNews'>,
): Promise<readonly FoundTable[]> {
  const entities = new Set<string>();
  for (const table of lacking) {
    const { id, entity } = table.endpoint;
    if (resumesAfter(table, known[id]) === undefined && (await knows(id))) entities.add(entity.name);
  }
  return tables.filter((table) => {
    if (lacking.includes(table)) return true;
    const isSibling = entities.has(table.endpoint.entity.name);
    if (isSibling)
      onNews(`the table ${table.table} is copied too: a row may have moved to it from one that is copied again`);
    return isSibling;
  });
}

const systemOf = ({ system, timeline }: Server) => ({ system, timeline });

/** Why places in the log of before say nothing any more, in words. */
function whyAnew(saved: ChangesPlace | undefined, server: Server, own: Slot | undefined): string | undefined {
  if (own?.isLost === true) {
    return `the server has thrown away the log that the slot ${own.name} needed, because it grew beyond max_slot_wal_keep_size`;
  }
  if (saved === undefined) return undefined;
  if (saved.system !== server.system) {
    return `the database is another one than before (system identifier ${server.system}, before ${saved.system})`;
  }
  if (saved.timeline !== server.timeline) {
    return `the server was promoted or restored (timeline ${server.timeline}, before ${saved.timeline}), and may lack changes that were streamed before`;
  }
  if (server.end < saved.lsn) {
    return `the server went back: its log ends at ${writeLsn(server.end)}, and was streamed up to ${writeLsn(saved.lsn)}`;
  }
  if (own?.name !== saved.slot) return `the replication slot ${saved.slot} is gone`;
  return undefined;
}

/** Why changes may have been missed, in words: the slot does not give them again. */
function whyMissed(saved: ChangesPlace, own: Slot): string | undefined {
  if (own.confirmed <= saved.lsn) return undefined;
  return `the slot ${own.name} was confirmed up to ${writeLsn(own.confirmed)}, and what was saved goes up to ${writeLsn(saved.lsn)}: Redis went back, or another program reads the slot`;
}

/** Whether the table needs no copy. */
function isCopied(table: FoundTable, place: TablePlace | undefined, onNews: (news: string) => void): boolean {
  if (place === undefined) return false;
  const shown = nameOfTable(table.facts);
  if (place.oid !== table.facts.oid) {
    onNews(`another table has the name ${shown} now: it is copied`);
    return false;
  }
  return place.isCopied && place.settings === table.endpoint.fingerprint;
}

/** The place from which the copy of a table may go on; undefined for its beginning. */
export function resumesAfter(table: FoundTable, place: TablePlace | undefined): readonly string[] | undefined {
  const isSame = place?.oid === table.facts.oid && place.settings === table.endpoint.fingerprint;
  return isSame && place.isCopied === false ? place.after : undefined;
}

/** The words for a slot from which another process streams. */
export const slotInUse = (slot: string): RetryableError =>
  new RetryableError(
    'slot_in_use',
    `another process streams from the slot ${slot}, and does not end: is another program or pipeline using it? SELECT * FROM pg_replication_slots tells its process; give this pipeline another slot`,
  );
