import { z } from 'zod';
import { initialSchema, overlapSchema } from '../incremental.js';
import { someText } from '../values.js';

/** The settings of an endpoint whose source a program brings. What the source itself needs, the program knows. */
export const programSettings = {
  revision: someText
    .optional()
    .describe('Any text. Where it changes, everything is read again: the source gives other records than before'),
  incremental: z
    .strictObject({
      initial: initialSchema
        .optional()
        .describe('The first poll asks for changes after this value; for all unless given'),
      overlap: overlapSchema
        .optional()
        .describe(
          'How far before the newest record seen the next poll begins again, for records that are written late: a duration where ' +
            'the version is a time (5s unless given), a number where it is a sequence (0 unless given)',
        ),
    })
    .optional()
    .describe(
      'The source is asked for what changed since the newest version seen. Unless given, each poll asks for everything',
    ),
};
