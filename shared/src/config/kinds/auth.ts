import type { z } from 'zod';
import { AUTH } from './auth-settings.js';
import { choiceOf } from './table.js';

export const authSchema = choiceOf(AUTH);

export type AuthKind = keyof typeof AUTH;
export type AuthConfig = z.output<typeof authSchema>;
export type AuthOf<K extends AuthKind> = Extract<AuthConfig, { readonly type: K }>;

/** For each kind, something that is made from its settings. */
type ByKind<Made> = { readonly [K in AuthKind]: (auth: AuthOf<K>) => Made };

function byKind<Made>(table: ByKind<Made>, auth: AuthConfig): Made {
  const kind: AuthKind = auth.type;
  // The compiler cannot see that the function found by a name takes the settings that hold this name.
  return (table[kind] as (auth: AuthConfig) => Made)(auth);
}

const AUTHORIZATION = () => 'authorization';

const HEADERS: ByKind<string | undefined> = {
  bearer: AUTHORIZATION,
  basic: AUTHORIZATION,
  'api-key': ({ in: place, name }) => (place === 'header' ? name.toLowerCase() : undefined),
  oauth2: AUTHORIZATION,
  'jwt-bearer': AUTHORIZATION,
  login: (auth) => placeOf(auth).header,
};

/** The header that credentials fill in, in lower case; undefined if it is none. A request can fill it in one way only. */
export const authHeader = (auth: AuthConfig): string | undefined => byKind(HEADERS, auth);

const URLS: ByKind<readonly string[]> = {
  bearer: () => [],
  basic: () => [],
  'api-key': () => [],
  oauth2: ({ tokenUrl }) => [tokenUrl],
  'jwt-bearer': ({ tokenUrl }) => (tokenUrl === undefined ? [] : [tokenUrl]),
  login: ({ url, auth }) => [url, ...authUrls(auth)],
};

/** The URLs that are requested beside the endpoint's own, so that limits can name their hosts. */
export const authUrls = (auth: AuthConfig | undefined): readonly string[] =>
  auth === undefined ? [] : byKind(URLS, auth);

/** What a token of OAuth 2 is requested by. */
export const grantOf = ({ grant, refreshToken }: AuthOf<'oauth2'>): 'client-credentials' | 'refresh-token' =>
  grant ?? (refreshToken ? 'refresh-token' : 'client-credentials');

/** Where requests carry the token of a login. */
export function placeOf({ token, header, prefix, parameter }: AuthOf<'login'>) {
  if (parameter !== undefined) return { parameter, header: undefined, prefix: prefix ?? '' };
  const cookie = typeof token === 'object' && 'cookie' in token ? token.cookie : undefined;
  const name = (header ?? (cookie === undefined ? 'authorization' : 'cookie')).toLowerCase();
  const usual: Readonly<Record<string, string>> = { authorization: 'Bearer ', cookie: `${cookie}=` };
  return {
    parameter,
    header: name,
    prefix: prefix ?? (cookie !== undefined && name !== 'cookie' ? '' : (usual[name] ?? '')),
  };
}

const KEEPS: ByKind<boolean> = {
  bearer: () => false,
  basic: () => false,
  'api-key': () => false,
  oauth2: (auth) => grantOf(auth) === 'refresh-token',
  'jwt-bearer': () => false,
  login: ({ auth }) => keepsToken(auth),
};

/** Whether a server may replace what is in the settings, so that the new one has to be kept. */
export const keepsToken = (auth: AuthConfig | undefined): boolean => auth !== undefined && byKind(KEEPS, auth);
