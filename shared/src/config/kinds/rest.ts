import { z } from 'zod';
import { conditionSchema } from '../condition.js';
import { incrementalSchema } from '../incremental.js';
import { bytes, duration, pathOrNothing, pathSchema, placedUrl, scalar, someText } from '../values.js';
import { authSchema } from './auth.js';
import { ARRANGEMENTS, formatSchema } from './formats.js';
import { pagingSchema } from './paging.js';

const tls = z.strictObject({
  ca: someText.optional().describe('Certificate authorities to trust instead of the well-known ones'),
  cert: someText.optional().describe('Our own certificate, for an API that asks for one'),
  key: someText.optional().describe('The private key of `cert`'),
  passphrase: someText.optional().describe('What `key` is encrypted with'),
});

const timeouts = z.strictObject({
  connect: duration.prefault('10s').describe('Until the connection is made'),
  headers: duration.prefault('30s').describe('Until the headers of the answer have come'),
  body: duration.prefault('30s').describe('Between two pieces of the body'),
});

const arrangement = z.enum(ARRANGEMENTS, { error: `expected one of ${ARRANGEMENTS.join(', ')}` });

/** Any value, such as YAML has it. */
const anything: z.ZodType<unknown> = z.unknown();

const graphql = z.strictObject({
  query: someText.describe('The query, with variables rather than placeholders in it'),
  variables: z.record(z.string(), anything).default({}).describe('Its variables; placeholders are filled in'),
  operationName: z.string().optional().describe('Which operation of the query is meant'),
});

/** The settings of an endpoint that reads a REST API. */
export const restSettings = {
  url: placedUrl.describe('Where the first page is; http or https. Its query is sent as it is written'),
  method: z
    .enum(['GET', 'POST', 'PUT'], { error: 'expected GET, POST or PUT' })
    .optional()
    .describe('GET, or POST where there is a body, unless given'),
  query: z.record(z.string(), scalar).default({}).describe('Query parameters of every request'),
  headers: z.record(z.string(), scalar).default({}).describe('Headers of every request'),
  body: anything
    .optional()
    .describe('Sent as JSON, or as it is if it is text. An entry whose placeholder is empty is left out'),
  form: z
    .record(z.string(), scalar)
    .optional()
    .describe('Sent as application/x-www-form-urlencoded. An entry whose placeholder is empty is left out'),
  graphql: graphql.optional().describe('Sent as a GraphQL request; errors in the answer are errors of the poll'),
  auth: authSchema.optional().describe('How requests are authenticated'),
  tls: tls.optional().describe('Certificates as PEM texts, best read from files as secrets are'),
  format: formatSchema.prefault({ type: 'json' }).describe('What the body of an answer is'),
  items: pathOrNothing
    .default('$')
    .describe('Where the records lie in the body; a "?" at the end says that a page may lack them'),
  as: arrangement
    .default('list')
    .describe(
      'How the records lie there: a list; a single record; a map of records by name, which becomes $key; an object with a ' +
        'list for each column; a list of rows, which are lists of cells',
    ),
  within: z
    .strictObject({
      items: pathOrNothing.default('$').describe('Where the records lie in each of what the outer `items` leads to'),
      as: arrangement.default('list').describe('How they lie there'),
    })
    .optional()
    .describe(
      'The records lie one level deeper, in each of what `items` leads to, as a list in a list or a map in a map; each holds as ' +
        '$outer what else is there, such as the $key of a map',
    ),
  header: z
    .union([z.literal('first'), z.array(z.string()).min(1), pathSchema], {
      error: 'expected first, a list of names, or a path to one',
    })
    .default('first')
    .describe('For rows: what names the columns: the first row, a list, or where the body names them'),
  errorWhen: z
    .union([z.literal(false), conditionSchema], {
      error: 'expected a path such as $.error, a CEL expression over body such as body.ok == false, or false',
    })
    .optional()
    .describe(
      'When an answer with a good status is an error all the same: a path, such as $.error, whose value exists and ' +
        'is not false. Unless given, an answer without records is one whose body has an `error`, `errors` or `fault`, or says `ok: false`, ' +
        '`success: false` or `status: error`; false turns that off',
    ),
  incremental: incrementalSchema.optional().describe('Asks only for what is new or changed since the last poll'),
  paging: pagingSchema.prefault({ type: 'none' }).describe('How the pages follow each other'),
  retries: z.int().min(0).max(10).default(3).describe('How often a request that failed is sent again within one poll'),
  retryDelay: duration
    .prefault('2s')
    .describe('The longest wait before the first retry; it doubles with each (the wait itself is random)'),
  maxRetryAfter: duration
    .prefault('1h')
    .describe(
      'The longest wait that an API may ask for, by Retry-After or by the reset of a rate limit; after it, the API is asked all the same',
    ),
  timeout: duration.prefault('30s').describe('Limit of one exchange, from connecting to the last byte'),
  timeouts: timeouts.prefault({}).describe('Limits of the parts of one exchange'),
  maxPages: z.int().positive().default(100_000).describe('Pages that one poll may read; a poll of more fails'),
  maxBodySize: bytes
    .prefault('64MB')
    .describe('The largest body of an answer; a larger one fails. A compressed body is measured as it is unpacked'),
  maxHeaderSize: bytes.prefault('64KB').describe('The largest headers of an answer; larger ones fail'),
};
