import { z } from 'zod';
import { initialSchema, overlapSchema } from '../incremental.js';
import { duration, someText } from '../values.js';

/** The databases that can be read, by how their URLs begin. */
export const DATABASES = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
  odbc: 'odbc',
  oracle: 'oracle',
} as const;

export type DatabaseKind = (typeof DATABASES)[keyof typeof DATABASES];

const EXPECTED_URL =
  'expected a database URL such as postgres://user@host:5432/database or mysql://user@host:3306/database';

const databaseUrl = z
  .string({ error: EXPECTED_URL })
  // A pattern, so that a fault shows the URL without its password: text of any form may be a secret, and would be concealed as a whole.
  .regex(new RegExp(`^(${Object.keys(DATABASES).join('|')})://`), { error: EXPECTED_URL, abort: true })
  .refine((text) => URL.canParse(text), `${EXPECTED_URL}; a password with special characters is percent-encoded`)
  .meta({
    id: 'DatabaseUrl',
    description:
      'The URL of a database: `postgres://` or `postgresql://`, `mysql://` or `mariadb://`, `sqlite:///path/to/file.db` (or `sqlite://./file.db`, from the folder in which the producer runs), `oracle://user@host:1521/SERVICE`, `odbc://user@DSN?dialect=db2`',
  });

const incremental = z.strictObject({
  initial: initialSchema.optional().describe('The first poll reads rows from this version on; if not set, all rows'),
  overlap: overlapSchema
    .optional()
    .describe(
      'How far before the newest row seen the next poll begins again, so that rows are caught that were written earlier and ' +
        'committed later. For a version that is a time: a duration, at least as long as the longest transaction that writes (5s unless given). ' +
        'For one that counts: how many numbers may still be uncommitted; it has to be set then',
    ),
  openTransactions: z
    .boolean()
    .default(true)
    .describe(
      'Postgres and MySQL are asked which transactions are open, and the next poll begins before what the oldest of them may have written, however long it lasts. ' +
        'The user needs `pg_read_all_stats`, or `PROCESS`; without it, the overlap has to be long enough. With `false` the overlap alone counts',
    ),
});

/** The settings of an endpoint that reads a table of a database, or a query. */
export const sqlSettings = {
  url: databaseUrl.describe('The database, with the user that reads: best from the environment: `$` and `{NAME}`'),
  table: someText
    .optional()
    .describe('The table or view that is read, with its schema if it needs one: `sales.orders`'),
  query: someText
    .optional()
    .describe('Instead of a table: a SELECT, without ORDER BY and LIMIT, which are added around it'),
  columns: z
    .array(someText)
    .min(1)
    .optional()
    .describe('The columns that are read, with those of key and version; all unless given'),
  incremental: z
    .union([z.literal(false), incremental], { error: 'expected false, or a mapping such as { overlap: 1m }' })
    .prefault({})
    .transform((settings) => (settings === false ? undefined : settings))
    .describe(
      'Reads only what is new or changed since the last poll, by the version of the entity. With `false` each poll reads everything',
    ),
  chunk: z.int().min(1).max(100_000).default(10_000).describe('Rows that are read at a time'),
  timeout: duration.prefault('5m').describe('How long one statement may take, and the database is told so'),
  connectTimeout: duration.prefault('10s').describe('How long it may take to connect'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(3)
    .describe('How often a statement whose connection was lost is sent again within one poll'),
  retryDelay: duration
    .prefault('2s')
    .describe('The longest wait before the first retry; it doubles with each (the wait itself is random)'),
};
