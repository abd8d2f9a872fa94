import type { AuthConfig } from '@tributary/shared';
import { type Credentials, fixedCredentials, withHeader } from './credentials.js';

/** A user and a password (RFC 7617). */
export function basicCredentials({ username, password }: Extract<AuthConfig, { type: 'basic' }>): Credentials {
  const authorization = basic(username, password);
  const secrets = [username, password, authorization];
  return fixedCredentials(secrets, (request) => withHeader(request, 'authorization', authorization));
}

/** The `Authorization` header for a user and a password. */
export const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/**
 * The `Authorization` header for a URL such as `https://user:password@host`; undefined if it holds no credentials. undici
 * does not send it by itself.
 */
export function basicOfUrl({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return basic(decodeURIComponent(username), decodeURIComponent(password));
}
