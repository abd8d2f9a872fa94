import { contentHash, type MergeConfig, type Payload, versionOrder } from '@tributary/shared';
import { joinSides, type Side, sidesOfKey } from './join.js';

/** A state that a record went through. */
export interface RecordState {
  readonly version: string;
  readonly payload: Payload;
  readonly content: string;
}

/** Every state of every record that the API has served: more than the truth, which is the last of them. */
export interface Changes {
  states(entity: string, key: string): Iterable<RecordState>;
}

/** Two rows of one key with the same content, the second right behind the first. */
export interface Repeat {
  readonly key: string;
  readonly content: string;
  readonly versions: readonly [first: string, second: string];
}

/** Whether something lay between the two, and the row of that was overtaken: then the second is no duplicate. */
export type IsOvertaken = (repeat: Repeat) => boolean;

export function overtakenRecord(changes: Changes, entity: string): IsOvertaken {
  return ({ key, content, versions: [first, second] }) => {
    for (const state of changes.states(entity, key)) {
      if (isLater(state.version, first) && isLater(second, state.version) && state.content !== content) return true;
    }
    return false;
  };
}

/**
 * A → B → A is three rows, but if whoever has B dies before it is written, and by then the second A is there, nobody makes
 * the row of B any more: the two sides have moved on.
 */
export function overtakenMerge(changes: Changes, merge: MergeConfig): IsOvertaken {
  return ({ key, content, versions }) => {
    const { eachKey, target } = sidesOfKey(key);
    const [[firstEach = '', firstOther = ''], [secondEach = '', secondOther = '']] = versions.map((version) =>
      version.split(' '),
    ) as [string[], string[]];
    for (const each of changes.states(merge.each.entity, eachKey)) {
      if (isLater(firstEach, each.version) || isLater(each.version, secondEach)) continue;
      for (const other of changes.states(merge.with.entity, target)) {
        const isBehind = isLater(each.version, firstEach) || isLater(other.version, firstOther);
        const isBefore = isLater(secondEach, each.version) || isLater(secondOther, other.version);
        if (!isBehind || !isBefore) continue;
        const rows = new Map(joinSides(merge, one(eachKey, each.payload), one(target, other.payload)));
        if ((rows.get(key) ?? contentHash(merge.dataset, key, null)) !== content) return true;
      }
    }
    return false;
  };
}

const one = (key: string, payload: Payload): Side => ({
  get: (wanted) => (wanted === key ? payload : undefined),
  entries: () => [[key, payload]],
});

/** Whether a version is later than another, as the ledger has it. */
export const isLater = (version: string, than: string): boolean => versionOrder(version, '') > versionOrder(than, '');
