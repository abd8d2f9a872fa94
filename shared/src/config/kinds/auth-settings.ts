import { z } from 'zod';
import { duration, httpUrl, pathSchema, scalar, someText } from '../values.js';
import { choiceOf, type Kind, type KindTable } from './table.js';

/** The algorithms of JWTs (RFC 7518, section 3.1; RFC 8037), and what their keys are. */
export const JWT_KEYS = {
  RS256: { type: 'rsa' },
  RS384: { type: 'rsa' },
  RS512: { type: 'rsa' },
  PS256: { type: 'rsa' },
  PS384: { type: 'rsa' },
  PS512: { type: 'rsa' },
  ES256: { type: 'ec', curve: 'prime256v1' },
  ES384: { type: 'ec', curve: 'secp384r1' },
  ES512: { type: 'ec', curve: 'secp521r1' },
  EdDSA: { type: 'ed25519' },
  HS256: { type: 'secret' },
  HS384: { type: 'secret' },
  HS512: { type: 'secret' },
} as const;

export type JwtAlgorithm = keyof typeof JWT_KEYS;

/** A PEM text that came through a variable may have its line breaks written as `\n`. */
const pem = (text: string): string => (text.startsWith('-----BEGIN') ? text.replaceAll('\\n', '\n') : text);

/** More entries of a request for a token, for servers that want more than the standards say. */
const form = z
  .record(z.string(), scalar)
  .default({})
  .describe('More entries of the request for a token, where the server wants more');

/** The kinds that need nothing from another request. */
const PLAIN = {
  bearer: {
    words: 'A token that does not change, in the Authorization header (RFC 6750)',
    settings: { token: someText.describe('The token, without the word "Bearer"') },
  },
  basic: {
    words: 'A user and a password, in the Authorization header (RFC 7617)',
    settings: { username: z.string().describe('The user'), password: z.string().describe('The password') },
  },
  'api-key': {
    words: 'A key in a header or in the query, under a name that the API chose',
    settings: {
      in: z.enum(['header', 'query']).default('header').describe('Where the key is sent'),
      name: someText.describe('Name of the header or query parameter'),
      value: someText.describe('The key'),
    },
  },
} as const satisfies KindTable;

/** The kinds whose tokens come from a server of OAuth 2. */
const OAUTH = {
  oauth2: {
    words:
      'A token of OAuth 2, by client credentials (RFC 6749, section 4.4) or by a refresh token (section 6); it is renewed before it expires, and when the API refuses it',
    settings: {
      tokenUrl: httpUrl.describe('Where a token is requested'),
      grant: z
        .enum(['client-credentials', 'refresh-token'], { error: 'expected client-credentials or refresh-token' })
        .optional()
        .describe(
          'What the token is requested by; unless given, refresh-token if there is one, else client-credentials',
        ),
      clientId: someText.describe('The client'),
      clientSecret: z
        .string()
        .optional()
        .describe("The client's secret; a public client with a refresh token has none"),
      refreshToken: z
        .string()
        .optional()
        .describe(
          'What a new token is requested with. If the server replaces it, the new one is kept in Redis, encrypted by TRIBUTARY_SECRET',
        ),
      token: z
        .string()
        .optional()
        .describe('A first token, with a refresh token: it is used until it is refused; may be empty'),
      scope: z.string().optional().describe('Scopes to ask for, with spaces between them'),
      audience: z.string().optional().describe('Audience to ask for, where the API has several'),
      credentialsIn: z
        .enum(['header', 'body'])
        .default('header')
        .describe('Where the request for a token carries the credentials (RFC 6749, section 2.3.1)'),
      form,
    },
  },
  'jwt-bearer': {
    words:
      'A JWT that is signed with our own key (RFC 7523): for Google service accounts, GitHub Apps, App Store Connect, FHIR and their like',
    settings: {
      assertion: z
        .enum(['grant', 'client', 'header'], { error: 'expected grant, client or header' })
        .default('grant')
        .describe(
          'What the JWT is for: `grant` exchanges it for a token at tokenUrl (section 2.1; Google), `client` shows by it who asks for client credentials there (section 2.2; FHIR, Okta), `header` sends it as the token of each request (GitHub Apps, App Store Connect)',
        ),
      tokenUrl: httpUrl.optional().describe('Where a token is requested; not for `header`'),
      issuer: someText.describe('Who signs (`iss`): the account, the app or the client'),
      subject: z
        .string()
        .optional()
        .describe('Whom it is about (`sub`), where the server asks for that; with `client` the issuer unless given'),
      audience: z.string().optional().describe('Whom it is for (`aud`): tokenUrl unless given, none for `header`'),
      scope: z.string().optional().describe('Scopes to ask for, with spaces between them'),
      scopeIn: z
        .enum(['claim', 'form'])
        .optional()
        .describe(
          'Where the scopes stand: in the JWT (unless given, for `grant`), or beside it in the request for a token',
        ),
      algorithm: z
        .enum(Object.keys(JWT_KEYS) as [JwtAlgorithm, ...JwtAlgorithm[]])
        .default('RS256')
        .describe('How it is signed (RFC 7518)'),
      key: someText
        .transform(pem)
        .describe(
          'The private key as a PEM text, best read from a file as secrets are; for HS256 and its like the secret',
        ),
      passphrase: z.string().optional().describe('What `key` is encrypted with'),
      keyId: z.string().optional().describe('Names the key, where the server has several (`kid`)'),
      claims: z.record(z.string(), z.unknown()).default({}).describe('More claims; they win over those made here'),
      lifetime: duration
        .prefault('4m')
        .describe('How long the JWT is valid. Servers take 5 minutes (FHIR), 10 (GitHub) or an hour (Google) at most'),
      form,
    },
  },
} as const satisfies KindTable;

const WITHOUT_LOGIN = { ...PLAIN, ...OAUTH };

/** How requests are authenticated. Secrets come in by `${NAME}` or `${file:/run/secrets/x}`. */
export const AUTH = {
  ...WITHOUT_LOGIN,
  login: {
    words:
      'A token, or the cookie of a session, that a request of its own is answered with; it is renewed when the API refuses it',
    settings: {
      url: httpUrl.describe('What is asked for the token'),
      method: z
        .enum(['GET', 'POST', 'PUT'], { error: 'expected GET, POST or PUT' })
        .optional()
        .describe('POST unless given'),
      body: z.unknown().optional().describe('Sent as JSON, or as it is if it is text'),
      form: z.record(z.string(), scalar).optional().describe('Sent as application/x-www-form-urlencoded'),
      headers: z.record(z.string(), scalar).default({}).describe('Headers of this request'),
      auth: choiceOf(WITHOUT_LOGIN).optional().describe('How this request is authenticated'),
      token: z
        .union(
          [
            pathSchema,
            z.strictObject({ header: someText.describe('A header of the answer') }),
            z.strictObject({ cookie: someText.describe('A cookie that the answer sets') }),
          ],
          { error: 'expected a path such as $.token, { header: X-Token } or { cookie: session }' },
        )
        .describe('Where the answer holds the token: a path into its body, a header or a cookie'),
      header: z
        .string()
        .min(1)
        .optional()
        .describe('The header of each request that carries the token: authorization unless given, cookie for a cookie'),
      prefix: z
        .string()
        .optional()
        .describe('What stands before the token in that header: "Bearer " in authorization unless given'),
      parameter: someText.optional().describe('The query parameter that carries the token, instead of a header'),
      lifetime: duration.optional().describe('How long a token is used; unless given, until the API refuses it'),
      expires: pathSchema
        .optional()
        .describe('Where the body of the answer tells when the token ends: in seconds from now, or as a time'),
    },
  },
} as const satisfies Readonly<Record<string, Kind>>;
