import { isMapping } from '@tributary/shared';
import { checkpointsOf } from '../checkpoints.js';
import type { ChangeBatch, Place } from '../port.js';
import { type Lsn, parseLsn, writeLsn } from './lsn.js';

/** How far one table has come. */
export interface TablePlace {
  /** The number of the table: a table that replaces another of its name has another one. */
  readonly oid: number;
  /** The settings under which it was copied (see Endpoint.fingerprint). */
  readonly settings: string;
  /** Whether the copy is done. */
  readonly isCopied: boolean;
  /**
   * Of a copy that is not done: the key of the last row. It is there only where the copy may go on behind it: where nothing was known of the
   * table before, so that nothing can be missing.
   */
  readonly after?: readonly string[];
}

/** A place in the log that was reached, and from which the slot can still be streamed. */
export interface Kept {
  readonly lsn: Lsn;
  /** When all before it was confirmed, in milliseconds since the epoch. */
  readonly at: number;
}

/** How far the tables of a slot have come. */
export interface ChangesPlace {
  readonly slot: string;
  readonly system: string;
  readonly timeline: number;
  /** All before it is confirmed by RabbitMQ. The slot itself is never confirmed beyond it. */
  readonly lsn: Lsn;
  /** Where a person can go back to, the oldest first. */
  readonly kept: readonly Kept[];
  /** By endpoint. */
  readonly tables: Readonly<Record<string, TablePlace>>;
  /**
   * It was kept elsewhere while Redis was lost, and nothing was copied since: the stream tells all that goes, so that keys that are learned from the
   * output do not make it void (`brought.ts` of the consumer).
   */
  readonly outlived?: true;
}

/** Changes with the place that is reached when they are confirmed. */
export interface PlacedBatch extends Omit<ChangeBatch, 'place'> {
  readonly place: ChangesPlace;
}

export function writePlace({ kept, lsn, ...place }: ChangesPlace): Place {
  const checkpoints = kept.map((one) => {
    const name = writeLsn(one.lsn);
    return { name, at: one.at, place: { lsn: name } };
  });
  return { ...place, lsn: writeLsn(lsn), ...(checkpoints.length === 0 ? {} : { checkpoints }) };
}

/** @returns undefined for what was not written by {@link writePlace}: everything is copied then */
export function readPlace(place: Place | undefined): ChangesPlace | undefined {
  if (!isMapping(place)) return undefined;
  const { slot, system, timeline, lsn, tables } = place;
  if (typeof slot !== 'string' || typeof system !== 'string' || typeof timeline !== 'number') return undefined;
  if (typeof lsn !== 'string' || !isLsn(lsn) || !isMapping(tables)) return undefined;
  const read = Object.entries(tables).flatMap(([id, one]) => {
    const table = readTable(one);
    return table === undefined ? [] : [[id, table] as const];
  });
  const kept = checkpointsOf(place)
    .filter(({ name }) => isLsn(name))
    .map(({ name, at }) => ({ lsn: parseLsn(name), at }));
  const outlived = place.outlived === true ? ({ outlived: true } as const) : {};
  return { slot, system, timeline, lsn: parseLsn(lsn), kept, tables: Object.fromEntries(read), ...outlived };
}

const isLsn = (text: string): boolean => /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/.test(text);

function readTable(value: unknown): TablePlace | undefined {
  if (!isMapping(value)) return undefined;
  const { oid, settings, isCopied, after } = value;
  if (typeof oid !== 'number' || typeof settings !== 'string' || typeof isCopied !== 'boolean') return undefined;
  const isKey = Array.isArray(after) && after.every((one) => typeof one === 'string');
  return isKey ? { oid, settings, isCopied, after } : { oid, settings, isCopied };
}

/** The place with nothing copied. */
export const withoutCopies = (place: ChangesPlace | undefined): ChangesPlace | undefined =>
  place && { ...place, tables: {} };
