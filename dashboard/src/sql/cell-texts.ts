import type { Cell } from './port.js';

/** A number where a double holds it; otherwise the digits. */
export function integerOf(digits: string): Cell {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : digits;
}

/** Engines give a decimal as many digits behind the point as its type has room for, whatever it was written with. */
export const withoutZeros = (digits: string): string =>
  /^-?\d+\.\d+$/.test(digits) ? digits.replace(/\.?0+$/, '') : digits;

/** Both engines write `2026-01-05 10:00:00.5+00`; the pipeline's times are in UTC, and so are those without a zone here. */
export function timeOf(text: string): string {
  const [, day, whole, part = ''] = /^(.+) ([\d:]+)(?:\.(\d+))?(?:\+00)?$/.exec(text) ?? [];
  return day === undefined ? text : `${day}T${whole}.${part.padEnd(3, '0')}Z`;
}
