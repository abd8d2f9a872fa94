import type { TimeZone } from './zone.js';

/**
 * Moments as text: ISO 8601 in UTC, with milliseconds at least and every further digit that there is
 * (`2024-05-01T10:00:00.123456789Z`). As text, the later of two moments is the greater once the Z is left out.
 */

/** The parts of a time as it is written; the month from 1 on, the fraction as its digits. */
export interface TimeParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly fraction: string;
  /** Minutes east of UTC; undefined for a time that does not tell. */
  readonly offset: number | undefined;
}

const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`;
const CLOCK = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?`;
/** Behind an offset, names in brackets change nothing (RFC 9557). */
const ZONE = String.raw`(?:\s?([zZ]|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:\[[^[\]]*\])*)?`;
const ISO = new RegExp(`^${DATE}[Tt ]${CLOCK}${ZONE}$`);
/** The form that this module writes: only its day of the month needs to be checked. */
const OURS =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}(?:\d*[1-9])?Z$/;
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:[.,](\d{1,30}))?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * The moment that a text names: ISO 8601 (with a blank for the T, without seconds, with an offset of any form; one
 * without an offset is in UTC), RFC 1123 and 2822, or `/Date(1714557600000)/`.
 *
 * @returns undefined if it names none, or one that is not in the years 1 to 9999 of UTC: Postgres has no year 0, and
 *   beyond 9999 times as text no longer sort
 */
export function readInstant(text: string): string | undefined {
  // The version is a field as well, so most times are read twice in a row.
  if (text !== lastInstant.text) lastInstant = { text, instant: OURS.test(text) ? text : toInstant(text) };
  return lastInstant.instant;
}

let lastInstant: { text: string; instant: string | undefined } = { text: '', instant: undefined };

/** The same, where a time without an offset is by the clock of a place. */
export const readInstantIn = (place: TimeZone, text: string): string | undefined =>
  OURS.test(text) ? text : toInstant(text, place);

function toInstant(text: string, place?: TimeZone): string | undefined {
  const iso = ISO.exec(text) ?? BASIC.exec(text);
  if (iso !== null) {
    const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = iso;
    const clock = { hour: Number(hour), minute: Number(minute), second: Number(second), fraction };
    const date = { year: Number(year), month: Number(month), day: Number(day) };
    const offset = zone === undefined && place !== undefined ? undefined : offsetOf(zone);
    return instantOf({ ...date, ...clock, offset }, place);
  }
  return readMail(text) ?? readDotNet(text);
}

/** Minutes east of UTC; a time without an offset counts as UTC. */
export function offsetOf(zone: string | undefined): number {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? '');
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return match[1] === '-' ? -minutes : minutes;
}

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** RFC 9110, section 5.6.7 (the preferred form), and RFC 5322, section 3.3, comments left out. */
const MAIL =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(\d{1,2})[\s-]([A-Z][a-z]{2})[\s-](\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s+([A-Z]{1,3}|[+-]\d{4})(?:\s+\([^()]*\))?$/;

/** RFC 5322, section 4.3; other names of time zones are ambiguous. */
const MAIL_ZONES: Readonly<Record<string, number>> = {
  GMT: 0,
  UTC: 0,
  UT: 0,
  Z: 0,
  EDT: -240,
  EST: -300,
  CDT: -300,
  CST: -360,
  MDT: -360,
  MST: -420,
  PDT: -420,
  PST: -480,
};

function readMail(text: string): string | undefined {
  const match = MAIL.exec(text);
  if (match === null) return undefined;
  const [, day, name = '', year, hour, minute, second = '0', zone = ''] = match;
  const month = (MONTHS as readonly string[]).indexOf(name) + 1;
  const offset = /^[+-]/.test(zone) ? offsetOf(zone) : Object.hasOwn(MAIL_ZONES, zone) ? MAIL_ZONES[zone] : undefined;
  if (month === 0 || offset === undefined) return undefined;
  const date = { year: Number(year), month, day: Number(day), fraction: '', offset };
  return instantOf({ ...date, hour: Number(hour), minute: Number(minute), second: Number(second) });
}

/** Microsoft's JSON: milliseconds since 1970 in UTC; an offset behind them says only how to show them. */
function readDotNet(text: string): string | undefined {
  const match = /^\/Date\((-?\d{1,15})(?:[+-]\d{4})?\)\/$/.exec(text);
  return match === null ? undefined : instantAt(Number(match[1]), '');
}

/**
 * The moment of these parts; undefined if there is no such day, hour or offset, or its year is out of range.
 * @param place by whose clock a time without an offset is; UTC unless given
 */
export function instantOf(parts: TimeParts, place?: TimeZone): string | undefined {
  const { year, month, day, hour, minute, second, fraction, offset = 0 } = parts;
  if (hour > 23 || minute > 59 || second > 59 || Math.abs(offset) > 18 * 60) return undefined;
  const date = new Date(0);
  // Date.UTC adds 1900 to the years 0 to 99.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const time = date.setUTCHours(hour, minute - offset, second);
  return instantAt(place !== undefined && parts.offset === undefined ? place.momentOf(time) : time, fraction);
}

/** The years 1 to 9999, in milliseconds. */
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const BEHIND_LAST = Date.parse('+010000-01-01T00:00:00Z');

/**
 * @param milliseconds since the beginning of 1970
 * @param fraction if there are any, all digits of the second's fraction; they stand for those of `milliseconds`
 */
export function instantAt(milliseconds: number, fraction: string): string | undefined {
  if (!(milliseconds >= FIRST && milliseconds < BEHIND_LAST)) return undefined;
  const iso = isoOf(Math.trunc(milliseconds));
  if (fraction === '') return iso;
  return `${iso.slice(0, 20)}${fraction.replace(/0+$/, '').padEnd(3, '0')}Z`;
}

const DAY = 86_400_000;
/** Two digits, and three. */
const TWO = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
const THREE = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, '0'));
let lastDay = { number: Number.NaN, text: '' };

/** As Date's toISOString, which costs four times as much. Records of one page are mostly of few days. */
function isoOf(milliseconds: number): string {
  const day = Math.floor(milliseconds / DAY);
  if (day !== lastDay.number) lastDay = { number: day, text: new Date(day * DAY).toISOString().slice(0, 11) };
  const rest = milliseconds - day * DAY;
  const seconds = Math.floor(rest / 1_000);
  const minutes = Math.floor(seconds / 60);
  return `${lastDay.text}${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[seconds % 60]}.${THREE[rest % 1_000]}Z`;
}

/** To the microsecond, as a Postgres timestamptz holds it, so that content is the same content in every sink. */
export function toMicroseconds(instant: string): string {
  // 2024-05-01T10:00:00.123456Z
  if (instant.length <= 27) return instant;
  return `${instant.slice(0, 20)}${instant.slice(20, 26).replace(/0+$/, '').padEnd(3, '0')}Z`;
}

/** Whether {@link toMicroseconds} leaves something out. */
export const hasNanoseconds = (instant: string): boolean => instant.length > 27;
