import { z } from 'zod';
import { httpUrl, someText } from '../values.js';
import { choiceOf, type Kind } from './table.js';

interface AuthTableEntry extends Kind {
  /** Whether it fills the Authorization header, which an endpoint can fill in one way only. */
  readonly usesAuthorizationHeader: boolean;
}

/** How an endpoint shows who asks. Secrets come in by `${NAME}` or `${file:/run/secrets/x}`. */
export const AUTH = {
  bearer: {
    words: 'A token that does not change, in the Authorization header (RFC 6750)',
    usesAuthorizationHeader: true,
    settings: { token: someText.describe('The token, without the word "Bearer"') },
  },
  basic: {
    words: 'A user and a password, in the Authorization header (RFC 7617)',
    usesAuthorizationHeader: true,
    settings: { username: z.string().describe('The user'), password: z.string().describe('The password') },
  },
  'api-key': {
    words: 'A key in a header or in the query, under a name that the API chose',
    usesAuthorizationHeader: false,
    settings: {
      in: z.enum(['header', 'query']).default('header').describe('Where the key is sent'),
      name: someText.describe('Name of the header or query parameter'),
      value: someText.describe('The key'),
    },
  },
  oauth2: {
    words:
      'OAuth 2 client credentials (RFC 6749, section 4.4); the token is renewed before it expires, and when the API refuses it',
    usesAuthorizationHeader: true,
    settings: {
      tokenUrl: httpUrl.describe('Where a token is requested'),
      clientId: someText.describe('The client'),
      clientSecret: someText.describe("The client's secret"),
      scope: z.string().optional().describe('Scopes to ask for, with spaces between them'),
      audience: z.string().optional().describe('Audience to ask for, where the API has several'),
      credentialsIn: z
        .enum(['header', 'body'])
        .default('header')
        .describe('Where the request for a token carries the credentials (RFC 6749, section 2.3.1)'),
    },
  },
} as const satisfies Readonly<Record<string, AuthTableEntry>>;

export const authSchema = choiceOf(AUTH);

export type AuthKind = keyof typeof AUTH;
export type AuthConfig = z.output<typeof authSchema>;

/** The URLs that are requested beside the endpoint's own, so that limits can name their hosts. */
export const authUrls = (auth: AuthConfig | undefined): string[] =>
  auth !== undefined && 'tokenUrl' in auth ? [auth.tokenUrl] : [];
