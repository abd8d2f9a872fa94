import { EXPORT_FORMATS } from '@tributary/shared';
import { z } from 'zod';
import { SQL_TYPES } from '../sql/port.js';

export const MANIFEST = 'manifest.json';
/** The note of a run that is going on: who does it, and what it writes. */
export const RUNNING = 'running.json';
/** Bytes of either that are read: another program may have written them. */
export const MOST_BYTES = 4 * 1024 * 1024;

/** The name of a run and its folder: when it began, and something of its own. Names sort by time. */
export const RUN = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/;

export const runName = (now: number, random: string): string =>
  `${new Date(now).toISOString().replaceAll(/[-:.]/g, '')}-${random.replaceAll('-', '').slice(0, 8)}`;

/** When a run began, ISO 8601 in UTC: its name tells. */
export const beganAt = (run: string): string =>
  run.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z.*$/, '$1-$2-$3T$4:$5:$6.$7Z');

/** Where a run is, for people. @param shown where the runs of its export are */
export const placeOf = (run: string, shown: string): string => `${shown.replace(/\/$/, '')}/${run}`;

const formats = Object.keys(EXPORT_FORMATS) as [keyof typeof EXPORT_FORMATS];

/** What an export may call a file. Names from a manifest are believed no further than this: files are removed by them. */
const fileName = z.string().regex(new RegExp(`^[a-z][a-z0-9_-]{0,62}\\.(${formats.join('|')})$`));

export const noteSchema = z.object({
  pipeline: z.string(),
  export: z.string(),
  run: z.string().regex(RUN),
  files: z.array(fileName),
  /** Where the process runs, and its number there. */
  host: z.string(),
  pid: z.int(),
  begunAt: z.string(),
});
/** What a run in progress, or a dead one, says of itself. */
export type RunNote = z.output<typeof noteSchema>;

export const manifestSchema = z.object({
  /** Of this form. */
  version: z.literal(1),
  pipeline: z.string(),
  export: z.string(),
  run: z.string().regex(RUN),
  /** The moment that all rows are of. */
  asOf: z.iso.datetime(),
  writtenAt: z.iso.datetime(),
  query: z.string(),
  format: z.enum(formats),
  compression: z.enum(['zstd']).nullable(),
  rows: z.int(),
  columns: z.array(z.object({ name: z.string(), type: z.enum(SQL_TYPES) })),
  split: z.object({ by: z.array(z.string()), shares: z.record(z.string(), z.number()) }).nullable(),
  /** What was done so that no row tells of a single person. */
  privacy: z
    .object({
      k: z.int(),
      l: z.int().nullable(),
      /** How far each column went up its levels: 0 is as it is. */
      quasi: z.array(z.object({ column: z.string(), level: z.int(), of: z.int(), made: z.string() })),
      sensitive: z.array(z.string()),
      keep: z.array(z.string()),
      /** Columns of the query that are not written. */
      leftOut: z.array(z.string()),
      /** Rows that the query gave, and those of them that were left out. */
      rows: z.int(),
      suppressed: z.int(),
      /** Of what is written: the rows of the smallest group, and the fewest different values that a sensitive column has in one. */
      smallestGroup: z.int(),
      fewestValues: z.int().nullable(),
    })
    .nullable()
    .default(null),
  files: z.array(z.object({ name: fileName, rows: z.int(), bytes: z.int(), sha256: z.string() })),
});
/** What a run wrote. It is there when all of its files are. */
export type Manifest = z.output<typeof manifestSchema>;

/** JSON of a file that any program may have written; undefined if it is none of ours. */
export function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    const found = schema.safeParse(JSON.parse(text));
    return found.success ? found.data : undefined;
  } catch {
    return undefined;
  }
}

export const written = (value: Manifest | RunNote): string => `${JSON.stringify(value, undefined, 2)}\n`;
