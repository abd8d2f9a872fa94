import {
  compareDecimals,
  decimalOf,
  decimalUnits,
  divideRounded,
  type FieldType,
  type Metric,
  type MetricKind,
  plainDecimal,
  shortestDecimal,
} from '@tributary/shared';

/** Takes the values of one column in one group, and tells what they come to. The order of the values never matters. */
export interface Accumulator {
  /** @param value neither undefined nor null, but for `count`, which is given nothing else */
  add(value: unknown): void;
  /** Undefined if there is nothing to tell, as of the greatest of no values. */
  result(): unknown;
}

type MakeAccumulator = (metric: Metric, type: FieldType) => Accumulator;

/** One for each metric: the compiler tells which one is missing. */
export const ACCUMULATORS = {
  count: () => new Count(),
  sum: (_metric, type) => new Sum(type),
  average: ({ decimals }) => new Average(decimals),
  min: (_metric, type) => new Extreme(type, -1),
  max: (_metric, type) => new Extreme(type, 1),
  distinct: (_metric, type) => new Distinct(type),
} satisfies Readonly<Record<MetricKind, MakeAccumulator>>;

class Count implements Accumulator {
  #count = 0;

  add(): void {
    this.#count += 1;
  }

  result(): number {
    return this.#count;
  }
}

/** Doubles that are added have another sum in another order. So their digits are added, which is exact. */
class ExactSum {
  count = 0;
  units = 0n;
  /** How many digits of the units are behind the point. */
  scale = 0;

  add(value: unknown): void {
    const [units, scale] = decimalUnits(plainDecimal(String(value)) ?? '0');
    if (scale > this.scale) {
      this.units *= 10n ** BigInt(scale - this.scale);
      this.scale = scale;
    }
    this.units += scale === this.scale ? units : units * 10n ** BigInt(this.scale - scale);
    this.count += 1;
  }
}

class Sum implements Accumulator {
  readonly #sum = new ExactSum();
  readonly #type: FieldType;

  constructor(type: FieldType) {
    this.#type = type;
  }

  add(value: unknown): void {
    this.#sum.add(value);
  }

  result(): unknown {
    const { count, units, scale } = this.#sum;
    if (count === 0) return undefined;
    const sum = decimalOf(units, scale);
    if (this.#type !== 'number') return sum;
    // No column holds an infinite number.
    return Number.isFinite(Number(sum)) ? Number(sum) : undefined;
  }
}

class Average implements Accumulator {
  readonly #sum = new ExactSum();
  readonly #decimals: number;

  constructor(decimals: number) {
    this.#decimals = decimals;
  }

  add(value: unknown): void {
    this.#sum.add(value);
  }

  result(): string | undefined {
    const { count, units, scale } = this.#sum;
    if (count === 0) return undefined;
    const average = divideRounded(units * 10n ** BigInt(this.#decimals), BigInt(count) * 10n ** BigInt(scale));
    return decimalOf(average, this.#decimals);
  }
}

class Extreme implements Accumulator {
  readonly #compare: (a: unknown, b: unknown) => number;
  readonly #sign: 1 | -1;
  #best: unknown;

  constructor(type: FieldType, sign: 1 | -1) {
    this.#compare = comparisonOf(type);
    this.#sign = sign;
  }

  add(value: unknown): void {
    if (this.#best === undefined || this.#isBetter(value, this.#best)) this.#best = value;
  }

  /** Of two ways to write one number (`1.5`, `1.50`) the shorter counts, whichever came first. */
  #isBetter(value: unknown, best: unknown): boolean {
    const order = this.#compare(value, best) * this.#sign;
    return order > 0 || (order === 0 && String(value).length < String(best).length);
  }

  result(): unknown {
    return this.#best;
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function comparisonOf(type: FieldType): (a: unknown, b: unknown) => number {
  if (type === 'integer' || type === 'decimal') return (a, b) => compareDecimals(String(a), String(b));
  if (type === 'number') return (a, b) => Number(a) - Number(b);
  // Without its Z, the later of two times sorts after the other, however many digits they have.
  return (a, b) => byText(String(a).replace('Z', ''), String(b).replace('Z', ''));
}

class Distinct implements Accumulator {
  readonly #values = new Set<string>();
  readonly #isNumber: boolean;

  constructor(type: FieldType) {
    this.#isNumber = type === 'decimal' || type === 'number';
  }

  add(value: unknown): void {
    const text = String(value);
    // One text for each number: `1.50` and `1.5` are the same.
    this.#values.add(this.#isNumber ? shortestDecimal(plainDecimal(text) ?? text) : text);
  }

  result(): number {
    return this.#values.size;
  }
}
