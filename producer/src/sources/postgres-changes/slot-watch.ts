import type { Clock } from '@tributary/shared';
import { inUnits } from '../../operate/described.js';
import type { StreamStatus } from '../streams.js';
import { type Lsn, parseLsn } from './lsn.js';
import type { Session } from './session.js';

export interface SlotWatchOptions {
  readonly clock: Clock;
  /** For people: `orders: changes of orders of postgres://host/database`. */
  readonly where: string;
  /** Bytes that the slot may hold back before people are told. */
  readonly maxRetained: number;
  onStatus(status: StreamStatus): void;
}

/** What is followed at the moment. */
export interface Followed {
  readonly session: Session;
  readonly slot: string;
  readonly phase: StreamStatus['phase'];
  /** When the oldest transaction was committed that is not confirmed yet, in milliseconds since the epoch; undefined if none is. */
  readonly waitingSince: number | undefined;
  /** Up to where the changes are confirmed; undefined if only the slot tells. */
  readonly reached: Lsn | undefined;
}

/** Milliseconds between two looks, and until the first while nothing is open. */
const LOOK = 5_000;
const SOON = 500;
/** So much of what the server allows may be left before people are told. */
const ROOM = 0.25;
/** So much of what may be held back may be used before checkpoints are given up, so that no person has to be told. */
const KEPT = 0.5;

const LOOK_AT = `
SELECT pg_current_wal_lsn()::text AS now, confirmed_flush_lsn::text AS confirmed, restart_lsn::text AS restart,
  wal_status, safe_wal_size::text AS safe, current_setting('max_slot_wal_keep_size') AS allowed,
  (SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size')::text AS allowed_bytes
FROM pg_replication_slots WHERE slot_name = $1`;

/** Looks how much of its log the server holds back for a slot, and tells before its disk is full or the log is thrown away. */
export class SlotWatch {
  readonly #options: SlotWatchOptions;
  #isTight = false;

  constructor(options: SlotWatchOptions) {
    this.#options = options;
  }

  /** Whether the server holds back so much that nothing may be kept beyond need. */
  get isTight(): boolean {
    return this.#isTight;
  }

  /**
   * Looks again and again, also while RabbitMQ confirms nothing. Never rejects: what reads the changes tells that the server is away.
   * @param now what is followed at the moment; undefined while no connection is open
   */
  async lookOn(now: () => Followed | undefined, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const followed = now();
      if (followed !== undefined) await this.#look(followed).catch(() => {});
      await clock.sleep(followed === undefined ? SOON : LOOK, signal);
    }
  }

  async #look({ session, slot, phase, waitingSince, reached }: Followed): Promise<void> {
    const { clock, maxRetained, onStatus } = this.#options;
    const row = await session.row(LOOK_AT, [slot]);
    if (row === undefined) return;
    const end = parseLsn(row.now ?? '0/0');
    const behind = (lsn: string | null | undefined): number => bytesBetween(parseLsn(lsn ?? '0/0'), end);
    const retainedBytes = behind(row.restart);
    const allowed = Number(row.allowed_bytes);
    const isNearEnd = allowed > 0 && Number(row.safe ?? allowed) < allowed * KEPT;
    this.#isTight = isNearEnd || retainedBytes > maxRetained * KEPT;
    const confirmed = parseLsn(row.confirmed ?? '0/0');
    onStatus({
      phase,
      name: slot,
      lagBytes: bytesBetween(reached !== undefined && reached > confirmed ? reached : confirmed, end),
      lagSeconds: waitingSince === undefined ? 0 : Math.max(0, (clock.now() - waitingSince) / 1_000),
      retainedBytes,
      problem: this.#problem(slot, retainedBytes, row),
    });
  }

  #problem(slot: string, retained: number, row: Readonly<Record<string, string | null>>): string | undefined {
    const { where, maxRetained } = this.#options;
    const remedy = `see why changes are not confirmed (RabbitMQ, the producer's log), or whether a transaction is open for long; if the endpoint is not needed any more, drop the slot: SELECT pg_drop_replication_slot('${slot}')`;
    const held = `the database keeps ${inUnits(retained)} of its log on its disk for the slot ${slot}`;
    const allowed = Number(row.allowed_bytes);
    const isNearEnd = allowed > 0 && Number(row.safe ?? allowed) < allowed * ROOM;
    if (row.wal_status === 'unreserved' || row.wal_status === 'lost' || isNearEnd) {
      return `${where}: ${held}, and throws it away beyond ${row.allowed} (max_slot_wal_keep_size): then all tables are copied again; ${remedy}`;
    }
    return retained <= maxRetained
      ? undefined
      : `${where}: ${held}, more than maxRetained (${inUnits(maxRetained)}), before that disk is full; ${remedy}`;
  }
}

const bytesBetween = (from: Lsn, to: Lsn): number => Math.max(0, Number(to - from));
