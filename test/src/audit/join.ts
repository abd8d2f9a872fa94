import { contentHash, type MergeConfig, type Payload } from '@tributary/shared';

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
export function* joinSides(merge: MergeConfig, each: Side, other: Side): Generator<Joined> {
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
      const values = valuesOf(merge, payload, line, item);
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

/** A number, or a decimal, which is text. */
const isExact = (value: unknown): value is number | string =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));

/** A product in units of the last decimal; a half is rounded away from zero. */
function product(left: number | string, right: number | string, decimals: number): bigint {
  const units = (value: number | string): bigint => {
    const [whole = '', fraction = ''] = String(value).split('.');
    return BigInt(`${whole}${fraction.padEnd(SCALE, '0')}`);
  };
  const exact = units(left) * units(right);
  const unit = 10n ** BigInt(2 * SCALE - decimals);
  const sign = exact < 0n ? -1n : 1n;
  return sign * ((sign * exact * 2n + unit) / (unit * 2n));
}

/** More decimals than any number here has. */
const SCALE = 40;

function inDecimals(units: bigint, decimals: number): string {
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0');
  const text = decimals === 0 ? digits : digits.replace(new RegExp(`\\d{${decimals}}$`), '.$&');
  return units < 0n ? `-${text}` : text;
}

function valuesOf(merge: MergeConfig, each: Payload, line: Payload, item: Payload): Payload {
  const value = (source: string): unknown => {
    const dot = source.indexOf('.');
    const [side, field] = [source.slice(0, dot), source.slice(dot + 1)];
    if (side === 'line') return line[field];
    return side === merge.each.entity ? each[field] : item[field];
  };
  const values: Record<string, unknown> = {};
  for (const [column, definition] of Object.entries(merge.columns)) {
    let result: unknown;
    if (typeof definition === 'string') result = value(definition);
    else if ('atLeast' in definition) {
      const [left, right] = definition.atLeast.map(value);
      if (typeof left === 'number' && typeof right === 'number') result = left >= right;
      else if (isExact(left) && isExact(right)) result = product(left, '1', 40) >= product(right, '1', 40);
    } else {
      const [left, right] = definition.multiply.map(value);
      if (typeof left === 'number' && typeof right === 'number') {
        const product = Number((left * right).toFixed(definition.decimals));
        if (Number.isFinite(product)) result = product;
      } else if (isExact(left) && isExact(right)) {
        result = inDecimals(product(left, right, definition.decimals), definition.decimals);
      }
    }
    if (result !== undefined && result !== null) values[column] = result;
  }
  return values;
}
