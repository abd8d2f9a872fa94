import { ExactNumber, parseJson } from '@tributary/shared';
import type { ParquetParsers, SchemaElement } from 'hyparquet';
import { Unreadable } from '../../port.js';

/** Text whose bytes are none in UTF-8: its row is a dead letter, where a replacement character would hide what was wrong. */
class NoText {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | NoText {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return new NoText(bytes);
  }
}

/** A value that cannot be read as its type says, and does not cost the other rows. */
function jsonOf(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  if (text instanceof NoText) return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** A day or a time that no calendar of JavaScript reaches stays the number that it is: it would be empty otherwise. */
const dateOr = (milliseconds: number, value: unknown): Date | string => {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(value) : date;
};

/** Times with all their digits, which hyparquet's own cut to milliseconds; and values that are wrong, for which its own fail or guess. */
export const PARSERS: Partial<ParquetParsers> = {
  dateFromDays: (days) => dateOr(days * 86_400_000, days),
  timestampFromMilliseconds: (millis) => dateOr(Number(millis), millis),
  stringFromBytes: (bytes) => bytes && textOf(bytes),
  jsonFromBytes: (bytes) => bytes && jsonOf(bytes),
  timestampFromMicroseconds: (micros) => timeText(micros, 6),
  timestampFromNanoseconds: (nanos) => timeText(nanos, 9),
};

/** @param digits of the fraction of a second in which the time is counted */
function timeText(time: bigint | null | undefined, digits: 6 | 9): string | null {
  if (time === null || time === undefined) return null;
  const unit = 10n ** BigInt(digits);
  const fraction = ((time % unit) + unit) % unit;
  const seconds = new Date(Number((time - fraction) / unit) * 1_000);
  if (Number.isNaN(seconds.getTime())) return String(time);
  return `${seconds.toISOString().slice(0, -5)}.${String(fraction).padStart(digits, '0')}Z`;
}

export const isDecimal = ({ converted_type, logical_type }: SchemaElement): boolean =>
  converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL';

export const isJson = ({ converted_type, logical_type }: SchemaElement): boolean =>
  converted_type === 'JSON' || logical_type?.type === 'JSON';

/**
 * Lets a column of decimals be read as the whole numbers that it stores, since hyparquet makes doubles of them.
 * @returns how many digits stand behind the point; undefined if it is another column, or its numbers are bytes of any length
 */
export function takeScale(element: SchemaElement): number | undefined {
  const isOneOfMany = element.repetition_type === 'REPEATED';
  if (!isDecimal(element) || isOneOfMany || element.type === 'BYTE_ARRAY') return undefined;
  const scale = element.logical_type?.type === 'DECIMAL' ? element.logical_type.scale : element.scale;
  delete element.converted_type;
  delete element.logical_type;
  return scale ?? 0;
}

export function recordOf(row: Readonly<Record<string, unknown>>, scales: ReadonlyMap<string, number>): unknown {
  for (const [name, value] of Object.entries(row)) {
    if (holdsNoText(value)) return new Unreadable(`its column ${name} holds bytes that are no UTF-8`, shown(row));
  }
  if (scales.size === 0) return plain(row);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const scale = scales.get(name);
      return [name, scale === undefined ? plain(value) : decimalText(value, scale)];
    }),
  );
}

/** Whether a value is no text, or a list or an object with one in it. */
function holdsNoText(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date) return false;
  return value instanceof NoText || Object.values(value).some(holdsNoText);
}

/** A bad row as a person can read it. */
const shown = (row: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(plain(row), (_, value: unknown) =>
    value instanceof NoText ? Buffer.from(value.bytes).toString('utf8') : value,
  ).slice(0, SHOWN);

const SHOWN = 4_000;

function decimalText(value: unknown, scale: number): string | null {
  if (value === null || value === undefined) return null;
  const whole = value instanceof Uint8Array ? signed(value) : BigInt(value as number | bigint);
  const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const sign = whole < 0n ? '-' : '';
  return `${sign}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
}

/** Two's complement, the largest byte first. */
const signed = (bytes: Uint8Array): bigint =>
  BigInt.asIntN(bytes.length * 8, BigInt(`0x0${Buffer.from(bytes).toString('hex')}`));

/** A value as JSON has it: whole numbers as text where a double cannot hold them, times in ISO 8601, bytes in base64. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof NoText || value instanceof ExactNumber) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
