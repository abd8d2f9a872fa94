/** The most digits that a decimal number may have; the numeric of Postgres holds more, and no honest number has as many. */
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
