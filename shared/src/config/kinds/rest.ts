import { z } from 'zod';
import { bytes, duration, httpUrl, pathOrNothing, someText } from '../values.js';
import { authSchema } from './auth.js';
import { formatSchema } from './formats.js';
import { pagingSchema } from './paging.js';

const tls = z.strictObject({
  ca: someText.optional().describe('Certificate authorities to trust instead of the well-known ones'),
  cert: someText.optional().describe('Our own certificate, for an API that asks for one'),
  key: someText.optional().describe('The private key of `cert`'),
  passphrase: someText.optional().describe('What `key` is encrypted with'),
});

const timeouts = z.strictObject({
  connect: duration.default(10_000).describe('Until the connection is made'),
  headers: duration.default(30_000).describe('Until the headers of the answer have come'),
  body: duration.default(30_000).describe('Between two pieces of the body'),
});

/** The settings of an endpoint that reads a REST API. */
export const restSettings = {
  url: httpUrl.describe('Where the first page is; http or https'),
  query: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .default({})
    .describe('Query parameters of every request'),
  headers: z.record(z.string(), z.string()).default({}).describe('Headers of every request'),
  auth: authSchema.optional().describe('How the endpoint shows who asks'),
  tls: tls.optional().describe('Certificates, as PEM texts: set each from a file, as secrets are'),
  format: formatSchema.default('json').describe('What the body of an answer is'),
  items: pathOrNothing
    .default('$')
    .describe('Where the list of records lies in the body; with "?" at its end, a page without it is an empty page'),
  paging: pagingSchema.default({ type: 'none' }).describe('How the pages follow each other'),
  retries: z.int().min(0).max(10).default(3).describe('How often a request that failed is sent again within one poll'),
  retryDelay: duration.default(2_000).describe('Wait before the first retry; it doubles with each'),
  timeout: duration.default(30_000).describe('Limit of one exchange, from connecting to the last byte'),
  timeouts: timeouts.prefault({}).describe('Limits of the parts of one exchange'),
  maxPages: z.int().positive().default(100_000).describe('A poll of more pages than this is stopped as a failure'),
  maxBodySize: bytes.default(64 * 1024 * 1024).describe('An answer larger than this is a failure'),
};
