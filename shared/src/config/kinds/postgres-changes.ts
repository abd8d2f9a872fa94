import { z } from 'zod';
import { bytes, duration, someText } from '../values.js';

const EXPECTED_URL = 'expected the URL of a Postgres, such as postgres://user@host:5432/database';

const postgresUrl = z
  .string({ error: EXPECTED_URL })
  .regex(/^postgres(ql)?:\/\//, { error: EXPECTED_URL, abort: true })
  .refine((text) => URL.canParse(text), `${EXPECTED_URL}; a password with special characters is percent-encoded`);

/** What Postgres allows in the name of a slot; the rest of its 63 characters is needed behind it. */
const slotName = z
  .string()
  .regex(/^[a-z0-9_]{1,40}$/, 'expected up to 40 small letters, digits and underscores, such as tributary_bank');

/** The settings of an endpoint that follows the changes of a table of Postgres. */
export const postgresChangesSettings = {
  url: postgresUrl.describe(
    'The database, with a user that may replicate (`REPLICATION`): best from the environment: `$` and `{NAME}`',
  ),
  table: someText.describe('The table whose changes are followed, with its schema if it needs one: `sales.orders`'),
  slot: slotName
    .optional()
    .describe(
      'What the name of the replication slot begins with; the name of the pipeline unless given. All endpoints of a database with the same slot ' +
        'share it: their changes come in the order of the transactions, and Postgres decodes its log once',
    ),
  publication: someText
    .optional()
    .describe(
      'The publication that the changes are read from; it is made if it is not there and the user may. The name of the slot unless given',
    ),
  chunk: z.int().min(1).max(100_000).default(10_000).describe('Rows that the first copy reads at a time'),
  timeout: duration.prefault('5m').describe('How long one statement of the copy may take'),
  connectTimeout: duration.prefault('10s').describe('How long it may take to connect'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(5)
    .describe('How often a connection that was lost is made again within one run'),
  retryDelay: duration
    .prefault('2s')
    .describe('The longest wait before the first retry; it doubles with each (the wait itself is random)'),
  keep: duration
    .prefault('0s')
    .describe(
      'For how long back `reset --to` can stream the changes again: so long the database keeps its log for the slot, as long as that is less than half of `maxRetained`. The longest of those that share a slot counts',
    ),
  maxRetained: bytes
    .prefault('10GB')
    .describe(
      'The size of the log that the slot may hold back on the disk of the database; with more, `/readyz` and an alert tell of it before the disk is full',
    ),
};
