import { z } from 'zod';

const DURATION = 'expected a duration with its unit, such as 500ms, 30s, 5m, 12h or 7d';

/** A span of time as people write it: `500ms`, `30s`, `5m`, `12h`, `7d`. Parsed to milliseconds. */
export const duration = z
  .string({ error: DURATION })
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, DURATION)
  .transform((text) => {
    const [, amount = '0', unit = 'ms'] = /^([\d.]+)(ms|s|m|h|d)$/.exec(text) ?? [];
    const factors: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    return Math.round(Number(amount) * (factors[unit] ?? 1));
  })
  .refine((milliseconds) => milliseconds <= 2 ** 31 - 1, 'longer than 24 days, which Node timers cannot hold');

/** A size as people write it: `512KB`, `64MB`, `1GB` (powers of 1024), or a plain number of bytes. */
export const bytes = z
  .union([z.int().positive(), z.string().regex(/^\d+(\.\d+)?(B|KB|MB|GB)$/, 'expected a size such as 64MB')])
  .transform((size) => {
    if (typeof size === 'number') return size;
    const [, amount = '0', unit = 'B'] = /^([\d.]+)(B|KB|MB|GB)$/.exec(size) ?? [];
    return Math.round(Number(amount) * 1024 ** ['B', 'KB', 'MB', 'GB'].indexOf(unit));
  });

export const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' });

/** Where a value lies in a JSON body: `$` is the body itself, `$.data.items` a path of property names. */
export const bodyPath = z.string().regex(/^\$(\.[A-Za-z0-9_-]+)*$/, 'expected a path such as $, $.data or $.meta.next');

/** Text that holds something. */
export const someText = z.string().min(1);

/** A name that can be a table, a column and a folder. */
export const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'expected a lower-case name: letters, digits, underscores');
