import type { Environment } from '@marcbachmann/cel-js';
import { plainDecimal } from '../records/decimal.js';
import { ExactNumber } from '../records/json.js';

/** A decimal number in an expression: it is added, subtracted and multiplied exactly. */
export class ExactDecimal {
  readonly #units: bigint;
  /** How many of its digits are behind the point. */
  readonly #scale: number;

  private constructor(units: bigint, scale: number) {
    this.#units = units;
    this.#scale = scale;
  }

  /** @throws RangeError if it is no number, or one of too many digits */
  static of(value: ExactDecimal | string | number | bigint): ExactDecimal {
    if (value instanceof ExactDecimal) return value;
    if (typeof value === 'bigint') return new ExactDecimal(value, 0);
    if (typeof value === 'number') return ofDouble(value);
    const text = plainDecimal(value);
    if (text === undefined) throw new RangeError(`${value.slice(0, 40)} is no decimal number`);
    return ExactDecimal.ofPlain(text);
  }

  /** @param text as plainDecimal gives it */
  static ofPlain(text: string): ExactDecimal {
    const point = text.indexOf('.');
    if (point === -1) return new ExactDecimal(BigInt(text), 0);
    return new ExactDecimal(BigInt(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1);
  }

  plus(other: ExactDecimal): ExactDecimal {
    const scale = Math.max(this.#scale, other.#scale);
    return new ExactDecimal(this.#at(scale) + other.#at(scale), scale);
  }

  times(other: ExactDecimal): ExactDecimal {
    return new ExactDecimal(this.#units * other.#units, this.#scale + other.#scale);
  }

  negated(): ExactDecimal {
    return new ExactDecimal(-this.#units, this.#scale);
  }

  compare(other: ExactDecimal): number {
    const scale = Math.max(this.#scale, other.#scale);
    const [a, b] = [this.#at(scale), other.#at(scale)];
    return a < b ? -1 : a > b ? 1 : 0;
  }

  toString(): string {
    return plainDecimal(`${this.#units}e-${this.#scale}`) ?? 'a number of too many digits';
  }

  #at(scale: number): bigint {
    if (scale === this.#scale) return this.#units;
    return this.#units * 10n ** BigInt(scale - this.#scale);
  }
}

/** The doubles of expressions are mostly the few that are written in them. */
const doubles = new Map<number, ExactDecimal>();
const MOST_DOUBLES = 100;

function ofDouble(value: number): ExactDecimal {
  const known = doubles.get(value);
  if (known !== undefined) return known;
  const decimal = ExactDecimal.of(String(value));
  if (doubles.size < MOST_DOUBLES) doubles.set(value, decimal);
  return decimal;
}

type Number = ExactDecimal | number | bigint;

const OPERATORS: Readonly<Record<string, (a: ExactDecimal, b: ExactDecimal) => ExactDecimal | boolean>> = {
  '+': (a, b) => a.plus(b),
  '-': (a, b) => a.plus(b.negated()),
  '*': (a, b) => a.times(b),
  '==': (a, b) => a.compare(b) === 0,
  '<': (a, b) => a.compare(b) < 0,
  '<=': (a, b) => a.compare(b) <= 0,
  '>': (a, b) => a.compare(b) > 0,
  '>=': (a, b) => a.compare(b) >= 0,
};

/** Gives expressions the type `decimal`, and exact calculation with decimals, whole numbers and doubles as they are written. */
export function addDecimals(environment: Environment): void {
  environment.registerType('decimal', { ctor: ExactDecimal, fields: {} });
  // A number of raw JSON that a double would alter.
  environment.registerType('exact', { ctor: ExactNumber, fields: {} });
  for (const [operator, calculate] of Object.entries(OPERATORS)) {
    const handler = (a: Number, b: Number) => calculate(ExactDecimal.of(a), ExactDecimal.of(b));
    for (const [left, right] of [
      ['decimal', 'decimal'],
      ['decimal', 'int'],
      ['decimal', 'double'],
      ['int', 'decimal'],
      ['double', 'decimal'],
    ]) {
      // The library takes a == b for b == a.
      if (operator === '==' && left !== 'decimal') continue;
      environment.registerOperator(
        `${left} ${operator} ${right}: ${/[<=>]/.test(operator) ? 'bool' : 'decimal'}`,
        handler,
      );
    }
  }
  environment.registerFunction('string(decimal): string', (value: ExactDecimal) => value.toString());
  environment.registerFunction('double(decimal): double', (value: ExactDecimal) => Number(value.toString()));
  for (const type of ['string', 'int', 'double']) {
    environment.registerFunction(`decimal(${type}): decimal`, (value: string | number | bigint) =>
      ExactDecimal.of(value),
    );
  }
  environment.registerFunction('string(exact): string', (value: ExactNumber) => value.toString());
  environment.registerFunction('decimal(exact): decimal', (value: ExactNumber) => ExactDecimal.of(value.toString()));
}
