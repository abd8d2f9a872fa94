import { z } from 'zod';
import { patternFault, span, zoneSchema } from './values.js';

const OVERLAP = 'expected a duration such as 5s, or a whole number where the version is a sequence';

/** How a version that is a time can be written into a request, beside patterns. */
const WRITTEN_FORMS = ['iso', 'date', 'unix', 'unix-ms'];

/** The version that the first poll begins at. */
export const initialSchema = z
  .union([z.string(), z.number()], {
    error: 'expected a time such as 2024-01-01, or a number where the version is a sequence',
  })
  .transform(String);

/** How far the next poll goes back. */
export const overlapSchema = z.union([z.int().nonnegative(), span.transform((milliseconds) => ({ milliseconds }))], {
  error: OVERLAP,
});

/** How an API is asked for what is new. What other sources take of it has the same names. */
export const incrementalSchema = z.strictObject({
  parameter: z
    .string()
    .optional()
    .describe('Query parameter that carries the newest version seen; not needed where {{since}} stands in the request'),
  untilParameter: z
    .string()
    .optional()
    .describe('Query parameter that carries the end of a window; or place {{until}}'),
  format: z
    .string()
    .check(({ value, issues }) => {
      const fault = WRITTEN_FORMS.includes(value) ? undefined : patternFault(value);
      const message = `expected one of ${WRITTEN_FORMS.join(', ')}, or a pattern such as yyyy-MM-dd HH:mm: ${fault}`;
      if (fault !== undefined) issues.push({ code: 'custom', input: value, message });
    })
    .optional()
    .describe(
      'How a version that is a time is written: iso (the usual), date, unix (seconds), unix-ms, or a pattern such as yyyy-MM-dd HH:mm (in UTC, or in `zone`)',
    ),
  zone: zoneSchema
    .optional()
    .describe('The time zone that such a time is written in, and that `initial` is in; UTC unless given'),
  initial: initialSchema
    .optional()
    .describe('The first poll asks for changes after this value; if not set, for everything'),
  window: span
    .optional()
    .describe(
      'Reads the past from `initial` on in slices of this length, each saved when it is done, while new records go on; needs {{until}} or untilParameter',
    ),
  overlap: overlapSchema
    .optional()
    .describe(
      'How far before the newest record seen the next poll begins again, for records that are written late: a duration where ' +
        'the version is a time (5s unless given), a number where it is a sequence (0 unless given). Not for a version that is text',
    ),
});

export type IncrementalConfig = z.output<typeof incrementalSchema>;
