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
