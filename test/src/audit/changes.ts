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
  times: readonly Times[],
): IsOvertaken {
  return ({ key, content, versions }) => {
    const keys = sidesOfKey(merge, key);
    const spansOf = (version: string): Span[] => {
      const each = version.split(' ');
      return times.map((time, place) => time.span(keys[place] ?? '', each[place] ?? ''));
    };
    const [first, second] = [spansOf(versions[0]), spansOf(versions[1])];
    const [eachFirst = ANY, eachSecond = ANY] = [first[0], second[0]];
    const eachStates = [...changes.states(merge.each.entity, keys[0] ?? '')].filter(
      ({ version }) =>
        !isLater(eachFirst.from, version) && !(eachSecond.to !== undefined && isLater(version, eachSecond.to)),
    );
    const otherStates = merge.with.map(({ entity }, place) => {
      const states = [...changes.states(entity, keys[place + 1] ?? '')];
      return merge.with.length > 1 && states.length === 0 ? [NEVER] : states;
    });
    for (const states of combinations([eachStates, ...otherStates])) {
      const isBehindFirst = states.some(({ version }, place) => isAfter(version, first[place] ?? ANY));
      const isBeforeSecond = states.some(({ version }, place) => isBefore(version, second[place] ?? ANY));
      if (!isBehindFirst || !isBeforeSecond) continue;
      const [each, ...others] = states.map(({ payload }, place) => one(keys[place] ?? '', payload));
      if (each === undefined) continue;
      const rows = new Map(joinSides(config, merge, each, others));
      if ((rows.get(key) ?? contentHash(merge.dataset, key, null)) !== content) return true;
    }
    return false;
  };
}

/** The only state of a record that there never was. */
const NEVER: RecordState = { version: '', payload: {}, content: '' };

const ANY: Span = { from: '', to: undefined };

/** Each state of the one with each of the others. */
function* combinations([first, ...rest]: readonly (readonly RecordState[])[]): Generator<readonly RecordState[]> {
  if (first === undefined) {
    yield [];
    return;
  }
  for (const others of combinations(rest)) for (const state of first) yield [state, ...others];
}

const one = (key: string, payload: Payload): Side => ({
  get: (wanted) => (wanted === key ? payload : undefined),
  entries: () => [[key, payload]],
});

const isAfter = (version: string, { from }: Span): boolean => isLater(version, from);
const isBefore = (version: string, { to }: Span): boolean => to === undefined || isLater(to, version);
