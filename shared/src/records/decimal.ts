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
 * The product of two decimal numbers, exact, and then rounded to so many decimals, halves away from zero.
 *
 * @param a digits with or without a point and a minus
 */
export function multiplyDecimals(a: string, b: string, decimals: number): string {
  const [left, leftScale] = scaled(a);
  const [right, rightScale] = scaled(b);
  const product = left * right;
  const scale = leftScale + rightScale;
  const rounded =
    scale <= decimals ? product * 10n ** BigInt(decimals - scale) : divide(product, 10n ** BigInt(scale - decimals));
  const digits = (rounded < 0n ? -rounded : rounded).toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  const plain = decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return rounded < 0n ? `-${plain}` : plain;
}

/** A decimal number as a whole one, and how many of its digits were behind the point. */
function scaled(text: string): [number: bigint, scale: number] {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), fraction.length];
}

function divide(number: bigint, by: bigint): bigint {
  const half = number < 0n ? -by / 2n : by / 2n;
  return (number + half) / by;
}
