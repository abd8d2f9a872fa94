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
 * The join of the lines of one side with the other side (an inner one, or with `missing: empty` a left one), written here once more from its definition (DESIGN.md,
 * pipeline.yaml) and without a look at the consumer's, whose faults it is there to find.
 */
export function* joinSides(config: PipelineConfig, merge: MergeConfig, each: Side, other: Side): Generator<Joined> {
  for (const [eachKey, payload] of each.entries()) {
    const repeats = new Map<string, number>();
    for (const line of linesOf(merge, payload)) {
      const target = String(line[merge.with.on] ?? '');
      const keepsAll = merge.missing === 'empty';
      if (target === '' && !keepsAll) continue;
      const count = (repeats.get(target) ?? 0) + 1;
      repeats.set(target, count);
      const item = other.get(target) ?? (keepsAll ? {} : undefined);
      if (item === undefined) continue;
      const key = keyOf(eachKey, target, count);
      const values = valuesOf(config, merge, { each: payload, line, item });
      yield [key, contentHash(merge.dataset, key, values)];
    }
  }
}

/** `C-000001/SKU-00007`; the second line of a record to the same item has `/2` behind it, one that names no item has `//1`. */
function keyOf(eachKey: string, target: string, count: number): string {
  const parts = [eachKey, target].map((part) => part.split('%').join('%25').split('/').join('%2F'));
  return (count === 1 && target !== '' ? parts : [...parts, String(count)]).join('/');
}

/** The keys of the two sides that a merged key names. */
export function sidesOfKey(key: string): { readonly eachKey: string; readonly target: string } {
  const [eachKey = '', target = ''] = key.split('/').map((part) => part.split('%2F').join('/').split('%25').join('%'));
  return { eachKey, target };
}

const linesOf = ({ each }: MergeConfig, payload: Payload): readonly Payload[] =>
  each.lines === undefined ? [payload] : ((payload[each.lines] as readonly Payload[] | undefined) ?? []);
