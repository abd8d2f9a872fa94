import type { Unit } from '../../config/kinds/field-types.js';
import { plainDecimal } from '../decimal.js';
import { instantAt } from './instant.js';

/** Digits that the point of a number of seconds moves by. */
const DIGITS: Readonly<Record<Unit, number>> = { s: 0, ms: 3, us: 6, ns: 9 };

/**
 * The moment that is so long after the beginning of 1970, with all its digits.
 *
 * @param count a number as text, also with a fraction: `1714557600.123456`
 */
export function readUnix(count: string, unit: Unit): string | undefined {
  const plain = plainDecimal(count);
  const seconds = plain === undefined ? undefined : plainDecimal(`${plain}e-${DIGITS[unit]}`);
  if (seconds === undefined) return undefined;
  const [whole = '0', fraction = ''] = seconds.split('.');
  const milliseconds = Number(whole) * 1_000;
  if (!Number.isSafeInteger(milliseconds)) return undefined;
  if (!seconds.startsWith('-') || !/[1-9]/.test(fraction)) return instantAt(milliseconds, fraction);
  // Before 1970 the fraction counts back from the second.
  return instantAt(milliseconds - 1_000, complement(fraction));
}

/** One less this fraction of a second, with as many digits. */
const complement = (fraction: string): string =>
  (10n ** BigInt(fraction.length) - BigInt(fraction)).toString().padStart(fraction.length, '0');

/** Which unit a number of this size would be a time of our days in; undefined if none. */
export function likelyUnit(count: number): Unit | undefined {
  const size = Math.abs(count);
  const units = [
    ['s', 1e8],
    ['ms', 1e11],
    ['us', 1e14],
    ['ns', 1e17],
  ] as const;
  return units.find(([, least]) => size >= least && size < least * 1e3)?.[0];
}
