import { z } from 'zod';
import { CHARTS, COMPARISONS, HOWS } from './readers/port.js';

const count = z.int().nonnegative();

const column = z.strictObject({ name: z.string(), type: z.string(), optional: z.boolean(), system: z.boolean() });

export const datasetSummary = z.strictObject({
  name: z.string(),
  entity: z.string().nullable(),
  groups: z.string().nullable(),
  key: z.string(),
  rows: count,
  keys: count,
  bytes: count,
  parts: count,
  lastWrittenAt: z.iso.datetime().nullable(),
  activity: z.array(count),
  revision: z.string(),
  indexing: z.strictObject({ done: count, total: count }).nullable(),
  problems: z.array(z.string()),
});

export const datasets = z.strictObject({ sink: z.string(), instance: z.string(), datasets: z.array(datasetSummary) });

export const dataset = datasetSummary.extend({
  columns: z.array(column),
  files: z.array(z.strictObject({ name: z.string(), rows: z.number(), bytes: count })),
});

const condition = z.strictObject({ column: z.string(), is: z.enum(COMPARISONS), value: z.string() });

/** The selection that an answer is about, as it was understood. */
const selection = z.strictObject({
  dataset: z.string(),
  view: z.enum(['latest', 'history']),
  search: z.string(),
  where: z.array(condition),
});

const facet = z.strictObject({
  column: z.string(),
  values: z.array(z.strictObject({ value: z.union([z.string(), z.number(), z.boolean(), z.null()]), count: count })),
  more: count,
});

export const rows = selection.extend({
  sort: z.strictObject({ column: z.string(), descending: z.boolean() }).nullable(),
  order: z.enum(['newest', 'key']),
  offset: count,
  limit: count,
  columns: z.array(column),
  rows: z.array(z.array(z.unknown())),
  clipped: z.array(z.strictObject({ row: count, column: z.string(), length: count })),
  total: count,
  facets: z.array(facet).nullable(),
  revision: z.string(),
});

export const facets = selection.extend({ facets: z.array(facet), total: count, revision: z.string() });

const profiled = z.strictObject({
  column,
  empty: count,
  distinct: count,
  isAbout: z.boolean(),
  least: z.string().nullable(),
  most: z.string().nullable(),
  histogram: z.array(count).nullable(),
  examples: z.array(z.strictObject({ value: z.string(), count: count.nullable() })),
  since: z.iso.datetime().nullable(),
});

export const profile = z.strictObject({
  dataset: z.string(),
  view: z.enum(['latest', 'history']),
  rows: count,
  since: z.iso.datetime().nullable(),
  columns: z.array(profiled),
  left: count,
});

export const chart = selection.extend({
  chart: z.enum(CHARTS),
  x: z.string(),
  y: z.string().nullable(),
  how: z.enum(HOWS),
  by: z.string().nullable(),
  columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
  total: count,
  drawn: count,
  step: z.number().nullable(),
  left: count,
  revision: z.string(),
});
