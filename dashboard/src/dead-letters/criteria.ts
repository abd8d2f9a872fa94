import { z } from 'zod';
import { notFound } from '../http/api-error.js';
import type { DeadLetters } from './dead-letters.js';

/** Longer than any queue, endpoint, code or field is named. */
const LONGEST_CRITERION = 512;

const CRITERIA = ['queue', 'endpoint', 'code', 'field', 'search'] as const;
type Criterion = (typeof CRITERIA)[number];

const forEachCriterion = <T>(make: (name: Criterion) => T) =>
  Object.fromEntries(CRITERIA.map((name) => [name, make(name)])) as Record<Criterion, T>;

/** Of an act: an empty one would mean all letters, and whoever gave it meant some. */
const given = z
  .string()
  .max(LONGEST_CRITERION)
  .refine((text) => text.trim() !== '', 'is empty: leave it out, or name one');
export const match = z.strictObject(forEachCriterion(() => given.optional()));
export const criteria = forEachCriterion((name) =>
  z
    .string()
    .transform((text) => text.slice(0, LONGEST_CRITERION))
    .optional()
    .describe(`Those of this ${name}`),
);

/** Those of one queue, whose records are all of one entity. */
export const matchOfQueue = match.extend({ queue: z.string().min(1).max(LONGEST_CRITERION) });

/** @throws ApiError (404) */
export function checkQueue({ topology }: DeadLetters, queue: string): void {
  if (topology.queues.some((one) => one.queue === queue)) return;
  throw notFound(`this pipeline has no queue "${queue.slice(0, 80)}"`);
}
