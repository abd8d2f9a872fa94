import { z } from 'zod';
import { compilePath, PathError } from '../records/path.js';
import { compilePattern, PatternError } from '../records/times/pattern.js';
import { isTimeZone } from '../records/times/zone.js';

const PATH = "expected a path such as $, $.data, $['any name'] or $.list[-1].id";

const DURATION = 'expected a duration with its unit, such as 500ms, 30s, 5m, 12h or 7d';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 365 * 86_400_000,
};

/** A span of time as people write it: `500ms`, `30s`, `5m`, `12h`, `7d`. Parsed to milliseconds. */
const spanIn = (units: string, error: string) =>
  z
    .string({ error })
    .regex(new RegExp(`^\\d+(\\.\\d+)?(${units})$`), error)
    .transform((text) => {
      const [, amount = '0', unit = 'ms'] = /^([\d.]+)([a-z]+)$/.exec(text) ?? [];
      return Math.round(Number(amount) * (UNITS[unit] ?? 1));
    });

const anySpan = spanIn('ms|s|m|h|d', DURATION);

/** The same, for what a timer waits for. */
export const duration = anySpan
  .refine((milliseconds) => milliseconds <= 2 ** 31 - 1, 'longer than 24 days, which Node timers cannot hold')
  .meta({ id: 'Duration', description: 'A span of time with its unit: 500ms, 30s, 5m, 12h, 7d; at most 24 days' });

/** The same, for a stretch of time in data: as long as it may be. */
export const span = anySpan.meta({ id: 'Span', description: 'A span of time with its unit: 30s, 12h, 30d, 365d' });

/** The same, for how long something is kept: in years too, of 365 days. */
export const longSpan = spanIn('s|m|h|d|y', 'expected a duration with its unit, such as 90d or 7y').meta({
  id: 'LongSpan',
  description: 'A span of time with its unit: 12h, 30d, 7y (a year has 365 days)',
});

/** A size as people write it: `512KB`, `64MB`, `1GB` (powers of 1024), or a plain number of bytes. */
export const bytes = z
  .union([z.int().positive(), z.string().regex(/^\d+(\.\d+)?(B|KB|MB|GB)$/, 'expected a size such as 64MB')])
  .transform((size) => {
    if (typeof size === 'number') return size;
    const [, amount = '0', unit = 'B'] = /^([\d.]+)(B|KB|MB|GB)$/.exec(size) ?? [];
    return Math.round(Number(amount) * 1024 ** ['B', 'KB', 'MB', 'GB'].indexOf(unit));
  })
  .meta({ id: 'Size', description: 'A size: 512KB, 64MB, 1GB (powers of 1024), or a number of bytes' });

export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .meta({ id: 'HttpUrl', description: 'An http or https URL' });

/** A URL that placeholders may stand in. */
export const placedUrl = z
  .string({ error: 'expected an http or https URL' })
  // A pattern, so that a fault shows the URL: text of any form may be a secret, and would be concealed.
  .regex(/^(https?:\/\/|\{\{parent)/i, { error: 'expected an http or https URL', abort: true })
  .refine(
    (text) => text.startsWith('{{parent') || isHttpUrl(withoutPlaceholders(text)),
    'expected an http or https URL',
  );

const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** Text with its placeholders filled in by something. */
export const withoutPlaceholders = (text: string): string => text.replaceAll(/\{\{[^{}]*\}\}/g, 'x');

/** Where a value lies in JSON: `$` is all of it, `$.data.items` a path of property names (see records/path.ts). */
export const pathSchema = z
  .string({ error: PATH })
  .check(({ value, issues }) => {
    const fault = pathFault(value) ?? (value.endsWith('?') ? '"?" at the end has no meaning here' : undefined);
    if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
  })
  .meta({
    id: 'Path',
    description:
      "Where a value lies in JSON (a subset of RFC 9535): `$` is all of it, `$.data.items`, `$['any name']`, `$.list[0]`, `$.list[-1].id`",
  });

/** The same, with a `?` at its end where a page may lack what lies there. */
export const pathOrNothing = z
  .string({ error: PATH })
  .check(({ value, issues }) => {
    const fault = pathFault(value);
    if (fault !== undefined) issues.push({ code: 'custom', input: value, message: fault });
  })
  .meta({ id: 'PathOrNothing', description: 'A path, with a `?` at its end if what lies there may be missing' });

/** What is wrong with a path, in words; undefined if nothing is. */
export function pathFault(text: string): string | undefined {
  try {
    compilePath(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return `${PATH}; ${error.message}`;
  }
}

/** What is wrong with a pattern of times, in words; undefined if nothing is. */
export function patternFault(text: string): string | undefined {
  try {
    compilePattern(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return error.message;
  }
}

/** The time zone of times that do not tell their offset. */
export const zoneSchema = z
  .string()
  .refine(isTimeZone, 'expected a time zone, such as Europe/Berlin')
  .meta({ id: 'TimeZone', description: 'A time zone of the IANA database, such as Europe/Berlin' });

/** Text, as which a number or a truth value may be written too. */
export const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'expected text' }).transform(String);

/** Text that holds something. */
export const someText = z.string().min(1);

/** A name that can be a table, a column and a folder. */
export const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'expected a lower-case name: letters, digits, underscores')
  .meta({ id: 'Name', description: 'Up to 63 lower-case letters, digits and underscores, with a letter first' });
