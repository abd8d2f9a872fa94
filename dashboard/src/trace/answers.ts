import { z } from 'zod';
import { listedLetter } from '../dead-letters/answers.js';

const count = z.int().nonnegative();
const time = z.iso.datetime();

/** The poll that a version came with. */
const run = z.strictObject({
  endpoint: z.string(),
  run: count,
  producer: z.string(),
  startedAt: time,
  endedAt: time,
  confirmedAt: time.nullable(),
  published: count,
  error: z.string().nullable(),
});

const version = z.strictObject({
  deleted: z.boolean(),
  version: z.string(),
  hash: z.string(),
  messageIds: z.array(z.string()),
  fetchedAt: time.nullable(),
  endpoints: z.array(z.string()),
  runs: z.array(run),
  note: z.string().nullable(),
  since: time.nullable(),
  writtenAt: z.string(),
  consumer: z.string().nullable(),
  batch: z.strictObject({ rows: count, records: z.tuple([count, count]).nullable() }).nullable(),
  place: z.string(),
  changes: z.array(z.strictObject({ field: z.string(), before: z.unknown(), after: z.unknown() })),
  values: z.record(z.string(), z.unknown()),
});

const seenAgain = z.strictObject({
  last: z.strictObject({ at: time, consumer: z.string(), verdict: z.enum(['duplicate', 'stale']) }).nullable(),
  since: time.nullable(),
  note: z.string().nullable(),
});

export const trace = z.strictObject({
  dataset: z.string(),
  key: z.string(),
  versions: z.array(version),
  total: count,
  seenAgain: seenAgain.nullable(),
  merged: z.array(z.strictObject({ dataset: z.string(), rows: z.array(z.string()), total: count })),
  deadLetters: z.array(listedLetter),
});
