import { z } from 'zod';
import { span } from './values.js';

/** What is kept, and for how long. */
export const retentionSchema = z.strictObject({
  history: span
    .optional()
    .describe(
      'How long an older state of a record is kept after a newer one took its place: in the parts of CSV, and in `<dataset>_history` of Postgres. For ever without it. The newest state of a record is always kept',
    ),
  deadLetters: span
    .optional()
    .describe(
      'How long a dead letter is kept after it was buried: the dashboard discards older ones once a day. For ever without it',
    ),
});
