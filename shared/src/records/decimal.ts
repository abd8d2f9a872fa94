import { compareNumber } from 'lossless-json';

/** The most digits that a decimal number may have: more than real numbers have, and fewer than the numeric of Postgres holds. */
export const MAX_DIGITS = 1_000;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * A decimal number as it is kept: digits, with a point and a fraction if it has one, no exponent, no sign of zero, no
 * needless zeros in front; zeros behind the point stay (`19.90`), as the numeric of Postgres keeps them.
 *
 * @param text digits as JSON, CSV or a person writes them: `19.90`, `.5`, `+3`, `1.5e3`
 * @returns undefined if it is no number, or one of over a thousand digits
 */
export function plainDecimal(text: string): string | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const shift = Number(exponent);
  if (whole.length + fraction.length + Math.abs(shift) > MAX_DIGITS) return undefined;
  const digits = whole + fraction;
  const point = whole.length + shift;
  const before =
    point <= 0
      ? '0'
      : digits
          .slice(0, point)
          .padEnd(point, '0')
          .replace(/^0+(?=\d)/, '');
  const after = point <= 0 ? digits.padStart(digits.length - point, '0') : digits.slice(point);
  const plain = after === '' ? before : `${before}.${after}`;
  return sign === '-' && /[1-9]/.test(digits) ? `-${plain}` : plain;
}

/** Less than, equal to or greater than 0, as the first number is than the second. */
export const compareDecimals = (a: string, b: string): number => compareNumber(a, b);

/**
 * A decimal number rounded to so many decimals, halves away from zero, and written with all of them.
 *
 * @param text as plainDecimal gives it
 */
export function roundDecimal(text: string, decimals: number): string {
  const [units, scale] = decimalUnits(text);
  const rounded =
    scale <= decimals ? units * 10n ** BigInt(decimals - scale) : divideRounded(units, 10n ** BigInt(scale - decimals));
  return decimalOf(rounded, decimals);
}

/**
 * A decimal number as a whole one, and how many of its digits are behind the point.
 *
 * @param text as plainDecimal gives it
 */
export function decimalUnits(text: string): [units: bigint, scale: number] {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), fraction.length];
}

/** The decimal number of which {@link decimalUnits} makes this. */
export function decimalOf(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  const plain = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return units < 0n ? `-${plain}` : plain;
}

/** A whole number divided by a positive one, halves away from zero. */
export function divideRounded(number: bigint, by: bigint): bigint {
  const half = number < 0n ? -by / 2n : by / 2n;
  return (number + half) / by;
}

/**
 * Without needless zeros behind the point: `1.50` and `1.5` are the same.
 *
 * @param text as plainDecimal gives it
 */
export const shortestDecimal = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
