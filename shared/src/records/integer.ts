import { ExactNumber } from './json.js';

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/**
 * A whole number of 64 bits in its canonical form: a number where a double holds it, else its digits as text, as JSON is
 * read by programs that know doubles alone.
 *
 * @param digits with or without a minus
 * @returns undefined if there is anything else, or if it has more than 64 bits
 */
export function canonicalInteger(digits: string): number | string | undefined {
  if (!/^-?\d{1,40}$/.test(digits)) return undefined;
  const double = Number(digits);
  if (Number.isSafeInteger(double)) return double === 0 ? 0 : double;
  const exact = BigInt(digits);
  return exact >= LEAST && exact <= MOST ? exact.toString() : undefined;
}

/**
 * A value that is a whole number of 64 bits in its canonical form, or a number of JSON (see parseJson: no digit of it is
 * lost); undefined for any other.
 */
export function readInteger(value: unknown): number | string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : canonicalInteger(String(value));
  if (value instanceof ExactNumber) return canonicalInteger(value.toString());
  if (typeof value !== 'string' || value.length < 16) return undefined;
  const canonical = canonicalInteger(value);
  return canonical === value ? canonical : undefined;
}
