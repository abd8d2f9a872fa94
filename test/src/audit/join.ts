import { contentHash, type MergeConfig, type Payload, type PipelineConfig } from '@tributary/shared';
import { valuesOf } from './columns.js';

/** One side of the merge: payloads by key. */
export type Side = { get(key: string): Payload | undefined; entries(): Iterable<readonly [string, Payload]> };

/** A merged row that the two sides ask for: its key, and the hash of its content. */
export type Joined = readonly [key: string, content: string];

/** The merged rows that there should be. */
export class Join {
  readonly #contents: ReadonlyMap<string, string>;

  constructor(joined: Iterable<Joined>) {
    this.#contents = new Map(joined);
  }

  keys(): Iterable<string> {
    return this.#contents.keys();
  }

  content(key: string): string | undefined {
    return this.#contents.get(key);
  }
}

/**
 * The join of the lines of one side with the other sides (an inner one, or with `missing: empty` a left one), written here once more from its definition (DESIGN.md,
 * pipeline.yaml) and without a look at the consumer's, whose faults it is there to find.
 */
export function* joinSides(
  config: PipelineConfig,
  merge: MergeConfig,
  each: Side,
  others: readonly Side[],
): Generator<Joined> {
  for (const [eachKey, payload] of each.entries()) {
    const repeats = new Map<string, number>();
    for (const line of linesOf(merge, payload)) {
      const targets = merge.with.map(({ on }) => String(line[on] ?? ''));
      const keepsAll = merge.missing === 'empty';
      if (targets.includes('') && !keepsAll) continue;
      const name = JSON.stringify(targets);
      const count = (repeats.get(name) ?? 0) + 1;
      repeats.set(name, count);
      const items: Payload[] = [];
      for (const [place, other] of others.entries()) {
        const item = other.get(targets[place] ?? '') ?? (keepsAll ? {} : undefined);
        if (item !== undefined) items.push(item);
      }
      if (items.length < others.length) continue;
      const key = keyOf([eachKey, ...targets], count);
      const values = valuesOf(config, merge, { each: payload, line, items });
      yield [key, contentHash(merge.dataset, key, values)];
    }
  }
}

/** `C-000001/SKU-00007`; the second line of a record to the same item has `/2` behind it, one that names no item has `//1`. */
function keyOf(keys: readonly string[], count: number): string {
  const parts = keys.map((part) => part.split('%').join('%25').split('/').join('%2F'));
  const isNamed = count === 1 && !(keys.length === 2 && keys[1] === '');
  return (isNamed ? parts : [...parts, String(count)]).join('/');
}

/** The keys of the sides that a merged key names, that of the record with the lines first. */
export const sidesOfKey = (merge: MergeConfig, key: string): string[] =>
  key
    .split('/')
    .slice(0, 1 + merge.with.length)
    .map((part) => part.split('%2F').join('/').split('%25').join('%'));

const linesOf = ({ each }: MergeConfig, payload: Payload): readonly Payload[] =>
  each.lines === undefined ? [payload] : ((payload[each.lines] as readonly Payload[] | undefined) ?? []);
