import type { FieldType } from '@tributary/shared';
import { isTime } from './moments.js';

const DAY = 86_400_000;
/** The fifth of January 1970 was one. */
const MONDAY = 4 * DAY;

/** Steps of time that a person can name, in seconds: from a millisecond to a year. */
const SPANS = [
  0.001, 0.01, 0.1, 1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200, 7_862_400,
  31_536_000,
];

/** The least step by which values of a type differ. */
const LEAST: Readonly<Partial<Record<FieldType, number>>> = { integer: 1, date: DAY };

export interface Steps {
  readonly width: number;
  /** Where one of them begins. */
  readonly origin: number;
}

/**
 * Equal steps from the least to the most value, of a round width, so that there are about `count` of them at most. Times are in milliseconds, and
 * weeks begin on Mondays.
 */
export function stepsOf(least: number, most: number, count: number, type: FieldType): Steps {
  const largest = Math.max(Math.abs(least), Math.abs(most));
  // Where a step is lost in the rounding of its place, values that differ would be one.
  const wanted = Math.max((most - least) / count, largest * 1e-12, LEAST[type] ?? 1e-290);
  if (!isTime(type)) return { width: roundAbove(wanted), origin: 0 };
  const width =
    SPANS.map((seconds) => seconds * 1_000).find((one) => one >= wanted) ??
    roundAbove(wanted / (365 * DAY)) * 365 * DAY;
  return { width, origin: width % (7 * DAY) === 0 ? MONDAY : 0 };
}

/** 1, 2 or 5 times a power of ten. */
function roundAbove(value: number): number {
  const exponent = Math.floor(Math.log10(value));
  const found = [1, 2, 5, 10].map((digit) => Number(`${digit}e${exponent}`)).find((one) => one >= value);
  return found ?? Number(`2e${exponent + 1}`);
}
