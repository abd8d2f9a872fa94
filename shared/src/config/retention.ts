import { z } from 'zod';
import { longSpan } from './values.js';

const rowsOfEntity = z.union([
  longSpan,
  z.strictObject({
    keep: longSpan.describe('How old a record of this entity may get'),
    by: z
      .string()
      .min(1)
      .describe('The field that tells how old a record is, of type datetime or date; its version unless given'),
  }),
]);

/** What is kept, and for how long. */
export const retentionSchema = z.strictObject({
  history: longSpan
    .optional()
    .describe(
      'How long an older state of a record is kept after a newer one took its place: in the parts of CSV, and in `<dataset>_history` of Postgres. For ever without it. The newest state of a record is always kept',
    ),
  rows: z
    .union([longSpan, z.record(z.string(), rowsOfEntity)], {
      error:
        'expected a duration such as 7y, or one for each entity: { order: 7y, visit: { keep: 90d, by: visitedAt } }',
    })
    .optional()
    .describe(
      'How old a record may get, by its version, until its rows are removed, with those of merges that it is a side of; of all entities, or of those that are named. It does not come back by a later poll. For ever without it',
    ),
  deadLetters: longSpan
    .optional()
    .describe(
      'How long a dead letter is kept after it was buried: the dashboard discards older ones once a day. For ever without it',
    ),
});
