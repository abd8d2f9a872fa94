import { FatalError, RetryableError } from '@tributary/shared';
import { quoted } from './catalog.js';
import { type Lsn, parseGeneration, parseLsn, writeGeneration } from './lsn.js';
import type { Session } from './session.js';

/** A replication slot of ours, as the server describes it. */
export interface Slot {
  readonly name: string;
  readonly generation: number;
  /** All before it is confirmed. */
  readonly confirmed: Lsn;
  /** Whether the server has thrown away what the slot needs. */
  readonly isLost: boolean;
  /** The process that streams from it now. */
  readonly pid: number | undefined;
}

/** The server, and where its log ends. */
export interface Server {
  readonly system: string;
  readonly timeline: number;
  readonly end: Lsn;
}

/** A new slot, and the snapshot that shows the database at its beginning; the snapshot lives until the session's next command. */
export interface NewSlot {
  readonly name: string;
  readonly begin: Lsn;
  readonly snapshot: string;
}

const SLOTS = `
SELECT slot_name, confirmed_flush_lsn::text AS confirmed, active_pid::text AS pid, coalesce(wal_status, '') AS status, plugin
FROM pg_replication_slots WHERE database = current_database() AND NOT temporary AND left(slot_name, length($1)) = $1`;

/** The slots whose names begin so, the newest first. */
export async function slotsOf(session: Session, prefix: string): Promise<Slot[]> {
  const rows = await session.query(SLOTS, [`${prefix}_`]);
  return rows
    .map(([name, confirmed, pid, status]) => ({
      name: name ?? '',
      generation: parseGeneration((name ?? '').slice(prefix.length + 1)),
      confirmed: parseLsn(confirmed ?? '0/0'),
      isLost: status === 'lost' || confirmed === null,
      pid: pid === null || pid === undefined ? undefined : Number(pid),
    }))
    .filter(({ generation }) => !Number.isNaN(generation))
    .sort((a, b) => b.generation - a.generation);
}

export const slotName = (prefix: string, generation: number): string => `${prefix}_${writeGeneration(generation)}`;

/**
 * What of the server keeps changes from being followed, before anything is made there.
 * @throws RetryableError for a standby; FatalError for settings of the server
 */
export async function checkServer(session: Session): Promise<void> {
  const row = await session.row(`SELECT pg_is_in_recovery() AS standby, current_setting('wal_level') AS level,
    current_setting('server_version_num') AS version`);
  if (row?.standby === 't') {
    throw new RetryableError(
      'database_standby',
      'the server is a standby; changes are told by the primary: waiting for it',
    );
  }
  if (Number(row?.version) < 130_000) {
    throw new FatalError('database_too_old', 'Postgres 13 or newer is needed to follow changes');
  }
  if (row?.level === 'logical') return;
  throw new FatalError(
    'wal_level',
    `the server does not write what logical replication needs: wal_level is ${row?.level}. Set wal_level = logical in postgresql.conf, or by ALTER SYSTEM SET wal_level = logical (on RDS: rds.logical_replication = 1), and restart it`,
  );
}

/** @param session for the commands of replication */
export async function identify(session: Session): Promise<Server> {
  const row = await session.row('IDENTIFY_SYSTEM');
  return { system: row?.systemid ?? '', timeline: Number(row?.timeline), end: parseLsn(row?.xlogpos ?? '0/0') };
}

/** @throws FatalError if the server has no room for another slot */
export async function createSlot(session: Session, name: string, isTemporary: boolean): Promise<NewSlot> {
  const kind = isTemporary ? 'TEMPORARY LOGICAL' : 'LOGICAL';
  try {
    const row = await session.row(`CREATE_REPLICATION_SLOT ${quoted(name)} ${kind} pgoutput EXPORT_SNAPSHOT`);
    return {
      name: row?.slot_name ?? name,
      begin: parseLsn(row?.consistent_point ?? '0/0'),
      snapshot: row?.snapshot_name ?? '',
    };
  } catch (error) {
    if ((error as { code?: unknown }).code !== '53400') throw error;
    const remedy = 'raise max_replication_slots, or drop slots that nothing uses (SELECT * FROM pg_replication_slots)';
    throw new FatalError('no_free_slot', `the server has no free replication slot: ${remedy}`, { cause: error });
  }
}

/** Drops a slot, also while a process streams from it. It is no fault if it is gone. */
export async function dropSlot(session: Session, { name, pid }: Pick<Slot, 'name' | 'pid'>): Promise<void> {
  if (pid !== undefined) await session.query('SELECT pg_terminate_backend($1)', [pid]);
  await session.query(
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NULL',
    [name],
  );
}
