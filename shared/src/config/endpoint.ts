import { z } from 'zod';
import { bytes, duration } from './units.js';

const OVERLAP = 'expected a duration such as 5s, or a whole number where the version is a sequence';

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' });

/** Where a value lies in a JSON body: `$` is the body itself, `$.data.items` a path of property names. */
const bodyPath = z.string().regex(/^\$(\.[A-Za-z0-9_-]+)*$/, 'expected a path such as $, $.data or $.meta.next');

const pageSize = { sizeParameter: z.string().optional(), size: z.int().positive().optional() };

const paging = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({ type: z.literal('cursor'), parameter: z.string().default('cursor'), next: bodyPath, ...pageSize }),
    z.strictObject({
      type: z.literal('page'),
      parameter: z.string().default('page'),
      first: z.int().nonnegative().default(1),
      sizeParameter: z.string().optional(),
      size: z.int().positive(),
    }),
    z.strictObject({
      type: z.literal('offset'),
      parameter: z.string().default('offset'),
      sizeParameter: z.string().default('limit'),
      size: z.int().positive(),
    }),
    z.strictObject({ type: z.literal('link'), ...pageSize }),
    z.strictObject({ type: z.literal('next-url'), next: bodyPath, ...pageSize }),
  ],
  { error: 'expected { type: ... } with none, cursor, page, offset, link or next-url' },
);

const REPEATED = [
  z.strictObject({ every: duration }),
  z.strictObject({ cron: z.string().min(9), timezone: z.string().default('UTC') }),
] as const;

const schedule = z.union([...REPEATED, z.strictObject({ once: z.literal(true) })], {
  error: 'expected { every: 30s }, { cron: "*/5 * * * *", timezone: Europe/Rome } or { once: true }',
});

const secret = z.string().min(1);

/** How an endpoint shows who asks. Secrets come in by `${NAME}` or `${file:/run/secrets/x}`. */
const auth = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('bearer'), token: secret }),
    z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
    z.strictObject({
      type: z.literal('api-key'),
      in: z.enum(['header', 'query']).default('header'),
      name: z.string().min(1),
      value: secret,
    }),
    /** Client credentials (RFC 6749, section 4.4); the token is renewed before it runs out, and when the API refuses it. */
    z.strictObject({
      type: z.literal('oauth2'),
      tokenUrl: httpUrl,
      clientId: secret,
      clientSecret: secret,
      scope: z.string().optional(),
      audience: z.string().optional(),
      /** Where the credentials stand in the request for a token (RFC 6749, section 2.3.1). */
      credentialsIn: z.enum(['header', 'body']).default('header'),
    }),
  ],
  { error: 'expected a type: bearer, basic, api-key or oauth2' },
);

/** PEM texts, as `${file:/run/secrets/ca.pem}` brings them in. */
const tls = z.strictObject({
  /** Whom to trust, instead of the well-known authorities. */
  ca: secret.optional(),
  /** Our own certificate and its key, for an API that asks for one. */
  cert: secret.optional(),
  key: secret.optional(),
  passphrase: secret.optional(),
});

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;

export const endpointSchema = z.strictObject({
  url: httpUrl,
  entity: z.string(),
  enabled: z.boolean().default(true),
  /** Whose requests go first where they have to wait for each other (see limits). */
  priority: z.enum(PRIORITIES).default('normal'),
  auth: auth.optional(),
  tls: tls.optional(),
  schedule: schedule.default({ every: 60_000 }),
  /** When everything is polled, whatever the mark and the validators say: for APIs that do not tell of every change. */
  resync: z.union(REPEATED, { error: 'expected { every: 24h } or { cron: "0 3 * * *" }' }).optional(),
  /** `ndjson`: one record a line (application/x-ndjson); `items` then counts for nothing. */
  format: z.enum(['json', 'ndjson']).default('json'),
  items: bodyPath.default('$'),
  /** A record without its key: the consumer dead-letters it, or it is only counted. It never costs the page. */
  badRecords: z.enum(['dead-letter', 'count']).default('dead-letter'),
  paging: paging.default({ type: 'none' }),
  incremental: z
    .strictObject({
      parameter: z.string(),
      /**
       * How far before the newest record seen the next poll begins again, for writers that come late: a duration where the
       * version is a time (5s unless given), a number where it is a sequence (0 unless given). Text has no distance.
       */
      overlap: z
        .union([z.int().nonnegative(), duration.transform((milliseconds) => ({ milliseconds }))], { error: OVERLAP })
        .optional(),
    })
    .optional(),
  headers: z.record(z.string(), z.string()).default({}),
  query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
  /** After so many failed runs in a row it is left alone for a while; then one request is tried before it is polled again. */
  circuit: z
    .strictObject({ failures: z.int().min(1).max(100).default(5), pause: duration.default(60_000) })
    .prefault({}),
  /** Each poll begins up to so much later, so that many endpoints do not fire at once; by default, by their number. */
  jitter: duration.optional(),
  retries: z.int().min(0).max(10).default(3),
  retryDelay: duration.default(2_000),
  /** Of one whole exchange, from connecting to the last byte. */
  timeout: duration.default(30_000),
  /** Of its parts: until the connection stands, until the headers are there, between two pieces of the body. */
  timeouts: z
    .strictObject({
      connect: duration.default(10_000),
      headers: duration.default(30_000),
      body: duration.default(30_000),
    })
    .prefault({}),
  maxPages: z.int().positive().default(100_000),
  maxBodySize: bytes.default(64 * 1024 * 1024),
});
