import type { Rate } from '@tributary/shared';
import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { ApiError, notFound } from '../http/api-error.js';
import { type Operation, operation } from '../http/operation.js';
import { GoingOnError } from './exports.js';
import { queryOf } from './query.js';

const pastRun = z.strictObject({
  run: z.string().nullable(),
  by: z
    .string()
    .describe(
      '`schedule`, the person who asked for it, or `elsewhere` for a run that no dashboard remembers, such as one of the command line',
    ),
  instance: z.string(),
  begunAt: z.string(),
  endedAt: z.string(),
  rows: z.int().nullable(),
  bytes: z.int().nullable(),
  place: z.string().nullable(),
  why: z.string().nullable().describe('Why it failed; null if it did not'),
  kept: z
    .boolean()
    .nullable()
    .describe('Whether its files are still there; null if that is not known, or if it failed'),
});

const status = z.strictObject({
  name: z.string(),
  query: z.string(),
  format: z.string(),
  to: z.string(),
  keep: z.int().nullable(),
  split: z.record(z.string(), z.number()).nullable(),
  schedule: z.string().nullable(),
  nextAt: z.string().nullable(),
  current: z.strictObject({ by: z.string(), instance: z.string(), begunAt: z.string() }).nullable(),
  past: z.array(pastRun).describe('The newest first'),
  cut: z.boolean().describe('Whether there may be older runs'),
});

/** How often one address may ask for runs: each reads everything. */
const EXPORTING: Rate = { burst: 10, perSecond: 0.5 };

/** Files that are made of the datasets. */
export const exportOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/exports',
    summary: 'Every export with its last runs',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: z.strictObject({ exports: z.array(status) }),
    async handler(_call, { config, exports }) {
      const found = await exports.list();
      return {
        exports: found.map(({ name, settings, current, past, isCut, nextAt }) => ({
          name,
          cut: isCut,
          query: queryOf(config, settings),
          format: settings.format,
          to: settings.to,
          keep: settings.keep ?? null,
          split: settings.split?.shares ?? null,
          schedule: settings.schedule === undefined ? null : inWords(settings.schedule),
          nextAt: nextAt === undefined ? null : new Date(nextAt).toISOString(),
          current:
            current === undefined ? null : { by: current.by, instance: current.instance, begunAt: current.begunAt },
          past: past.map((one) => ({
            by: one.by,
            instance: one.instance,
            begunAt: one.begunAt,
            endedAt: one.endedAt,
            run: one.run ?? null,
            rows: one.rows ?? null,
            bytes: one.bytes ?? null,
            place: one.place ?? null,
            why: one.why ?? null,
            kept: one.isKept ?? null,
          })),
        })),
      };
    },
  }),
  operation({
    method: 'post',
    path: '/exports/{export}/run',
    summary: 'Export now; it goes on behind the answer',
    role: 'operator',
    body: { schema: z.strictObject({}), limit: 1024 },
    rate: EXPORTING,
    load: 'light',
    params: { export: z.string().describe('An export of the pipeline') },
    answer: z.strictObject({ export: z.string() }),
    status: 202,
    async handler({ params, actor }, { exports, audit }) {
      const name = params.export;
      if (!exports.names.includes(name)) throw notFound(`there is no export "${name.slice(0, 80)}" in this pipeline`);
      const act = await audit.begin(actor, 'export', { export: name });
      try {
        await exports.begin(name, actor.name);
      } catch (error) {
        const isGoingOn = error instanceof GoingOnError;
        await act.note('failed', { why: isGoingOn ? 'export_going_on' : 'internal' });
        throw isGoingOn ? new ApiError(409, 'export_going_on', error.message) : error;
      }
      await act.note('done');
      return { export: name };
    },
  }),
];

function inWords(schedule: { every: number } | { cron: string; timezone: string } | { once: true }): string {
  if ('cron' in schedule) return `${schedule.cron} (${schedule.timezone})`;
  if ('every' in schedule) return `every ${spanOf(schedule.every)}`;
  return 'once';
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

function spanOf(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => milliseconds >= each && milliseconds % each === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
