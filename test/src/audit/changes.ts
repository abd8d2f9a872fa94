import { contentHash, type MergeConfig, type Payload, type PipelineConfig } from '@tributary/shared';
import { joinSides, type Side, sidesOfKey } from './join.js';
import { isLater, type Span, type Times } from './times.js';

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

export function overtakenRecord(changes: Changes, entity: string, times: Times): IsOvertaken {
  return ({ key, content, versions: [first, second] }) => {
    const [begin, end] = [times.span(key, first), times.span(key, second)];
    for (const { version, content: between } of changes.states(entity, key)) {
      if (isAfter(version, begin) && isBefore(version, end) && between !== content) return true;
    }
    return false;
  };
}

/**
 * A → B → A is three rows, but if whoever has B dies before it is written, and by then the second A is there, nobody makes
 * the row of B any more: the two sides have moved on.
 */
export function overtakenMerge(
  changes: Changes,
  { config, merge }: { readonly config: PipelineConfig; readonly merge: MergeConfig },
  times: SidesTimes,
): IsOvertaken {
  return ({ key, content, versions }) => {
    const { eachKey, target } = sidesOfKey(key);
    const [first, second] = versions.map((version) => {
      const [eachVersion = '', otherVersion = ''] = version.split(' ');
      return { each: times.each.span(eachKey, eachVersion), other: times.other.span(target, otherVersion) };
    }) as [SidesSpan, SidesSpan];
    for (const each of changes.states(merge.each.entity, eachKey)) {
      if (isLater(first.each.from, each.version)) continue;
      if (second.each.to !== undefined && isLater(each.version, second.each.to)) continue;
      for (const other of changes.states(merge.with.entity, target)) {
        const isBehindFirst = isAfter(each.version, first.each) || isAfter(other.version, first.other);
        const isBeforeSecond = isBefore(each.version, second.each) || isBefore(other.version, second.other);
        if (!isBehindFirst || !isBeforeSecond) continue;
        const rows = new Map(joinSides(config, merge, one(eachKey, each.payload), one(target, other.payload)));
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

/** Of the two sides of a merge. */
export interface SidesTimes {
  readonly each: Times;
  readonly other: Times;
}

type SidesSpan = Readonly<Record<keyof SidesTimes, Span>>;

const isAfter = (version: string, { from }: Span): boolean => isLater(version, from);
const isBefore = (version: string, { to }: Span): boolean => to === undefined || isLater(to, version);
