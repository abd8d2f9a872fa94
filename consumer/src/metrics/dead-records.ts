import { type Envelope, type PoisonError, readEnvelope } from '@tributary/shared';
import type { Delivery } from '../intake/settle.js';

/** Records that died of one fault. */
export interface DeadRecordGroup {
  readonly endpoint: string;
  readonly entity: string;
  readonly code: string;
  /** The field at fault; undefined for a fault of the whole record. */
  readonly field: string | undefined;
  /** Why one of them died, with its value. */
  readonly reason: string;
  /** The keys of some of them; those of records without a usable key are left out. */
  readonly keys: readonly string[];
  /** How often records of it came. */
  readonly count: number;
  /** How many of these lay among the dead letters already: a poll may read one record twice, and the next one reads it again. */
  readonly again: number;
}

interface Counted {
  readonly endpoint: string;
  readonly entity: string;
  readonly code: string;
  readonly field: string | undefined;
  reason: string;
  keys: string[];
  count: number;
  again: number;
}

/** An API that invents faults (or an attacker) must not fill the memory. */
const MOST_GROUPS = 200;
/** Keys that are named of each group. */
const MOST_KEYS = 5;

/** Which records died and why, grouped: an API that sends a wrong type sends it in every record. */
export class DeadRecords {
  readonly #all = new Map<string, Counted>();
  #untold = new Map<string, Counted>();

  /**
   * @param isNew whether it went to the dead letters now; false if the same record lies there already
   * @returns whether it is the first of its group
   */
  note(delivery: Delivery, entity: string, error: PoisonError, isNew: boolean): boolean {
    const envelope = readEnvelope(delivery.message, entity);
    if (isNew) count(this.#untold, envelope, error, isNew);
    return count(this.#all, envelope, error, isNew);
  }

  /** All of them since the start. */
  get groups(): readonly DeadRecordGroup[] {
    return [...this.#all.values()].map((group) => ({ ...group, keys: [...group.keys] }));
  }

  /** Those that went to the dead letters since the last call. */
  takeUntold(): readonly DeadRecordGroup[] {
    const untold = [...this.#untold.values()];
    this.#untold = new Map();
    return untold;
  }
}

/** @returns whether this made a group */
function count(groups: Map<string, Counted>, envelope: Envelope, error: PoisonError, isNew: boolean): boolean {
  const { endpoint, entity, key } = envelope;
  const { code, field, fault, message: reason } = error;
  const isFull = groups.size >= MOST_GROUPS - 1;
  const id = [endpoint, entity, code, anyItem(field), fault].join('\n');
  // Beyond the limit each endpoint has one group for all other faults: whose records died decides which marks are kept.
  const place = groups.has(id) || !isFull ? id : [endpoint, entity].join('\n');
  const group = groups.get(place);
  if (group === undefined) {
    const keys = key === undefined ? [] : [key];
    groups.set(place, { endpoint, entity, code, field, reason, keys, count: 1, again: isNew ? 0 : 1 });
    return true;
  }
  group.count += 1;
  if (!isNew) group.again += 1;
  if (key !== undefined && group.keys.length < MOST_KEYS && !group.keys.includes(key)) group.keys.push(key);
  return false;
}

/** `lines.3.ref` of one record is `lines.1.ref` of another. */
const anyItem = (field: string | undefined): string => field?.replaceAll(/\.\d+(?=\.|$)/g, '.*') ?? '';
