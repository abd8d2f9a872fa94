import { z } from 'zod';

const count = z.int().nonnegative();

export const letter = z.strictObject({
  id: z.string(),
  queue: z.string(),
  entity: z.string(),
  endpoint: z.string(),
  key: z.string().nullable(),
  messageId: z.string(),
  version: z.string(),
  run: count,
  fetchedAt: z.string(),
  deadAt: z.string(),
  code: z.string(),
  reason: z.string(),
  field: z.string().nullable(),
  size: count,
  preview: z.string(),
});

const problem = z.strictObject({ code: z.string(), message: z.string(), field: z.string().nullable() });

/** As a list has it, with what would become of its record now; `passes` is null if that is not known before it is replayed. */
export const listedLetter = letter.extend({
  now: z.strictObject({ passes: z.boolean().nullable(), problem: problem.nullable() }),
});

const faults = z.array(problem.extend({ count }));

const group = z.strictObject({
  queue: z.string(),
  entity: z.string(),
  endpoint: z.string(),
  code: z.string(),
  field: z.string().nullable(),
  letters: count,
  passing: count,
  unknown: count,
  example: listedLetter,
});

const facet = z.array(z.strictObject({ value: z.string(), count: count }));

const prospect = z.strictObject({ passing: count, unknown: count, staying: count, faults });

export const letters = z.strictObject({
  offset: count,
  limit: count,
  queues: z.array(z.strictObject({ queue: z.string(), entity: z.string(), letters: count })),
  letters: z.array(listedLetter),
  total: count,
  prospect,
  groups: z.array(group),
  causes: count,
  facets: z.strictObject({ queue: facet, code: facet, field: facet, endpoint: facet }),
  complete: z.boolean(),
  looked: count,
  lookedAt: z.iso.datetime(),
});

/** What the consumer would say to a body. */
export const judgement = z.strictObject({
  valid: z.boolean(),
  problem: problem.nullable(),
});

export const wholeLetter = judgement.extend({
  letter,
  payload: z.string(),
  headers: z.record(z.string(), z.unknown()),
});

export const acted = z.strictObject({ done: count, stayed: count, faults, looked: count, complete: z.boolean() });

/** What would become of letters that are mended by expressions. */
export const mendProspect = z.strictObject({
  total: count,
  prospect,
  examples: z.array(
    z.strictObject({ id: z.string(), key: z.string().nullable(), before: z.string(), after: z.string() }),
  ),
  looked: count,
  complete: z.boolean(),
});

/** What would become of letters if their entity were defined otherwise. */
export const definitionProspect = z.strictObject({
  file: z.string().describe('The pipeline file'),
  definition: z.string().describe('What stands in the file then'),
  state: z
    .enum(['runs', 'in_file', 'new', 'faulty'])
    .describe(
      'Whether the dashboard runs with it, the file has it but the dashboard runs with the one before, neither, or it is refused',
    ),
  faults: z.array(z.strictObject({ path: z.string(), message: z.string() })),
  found: mendProspect.nullable().describe('Null if it is refused'),
});
