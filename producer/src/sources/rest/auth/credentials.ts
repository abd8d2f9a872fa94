import type { AuthConfig, Clock } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import { basic } from './basic.js';
import { ClientCredentials } from './client-credentials.js';

/** Shows the API who asks. */
export interface Credentials {
  /**
   * What goes with a request.
   * @throws RetryableError, FatalError if there is no token to be had
   */
  authorize(url: URL): Promise<{ readonly url: URL; readonly headers: Readonly<Record<string, string>> }>;
  /** The API refused what {@link authorize} gave. @returns whether other credentials may be had now */
  refused(): boolean;
  /** The API took what {@link authorize} gave. */
  accepted(): void;
}

export interface TokenRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CredentialOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Asks for a token, within the endpoint's limits and time. */
  post(request: TokenRequest): Promise<Answer>;
  /** Told of each secret that is had along the way. */
  onSecret(secret: string): void;
}

export function createCredentials(auth: AuthConfig | undefined, options: CredentialOptions): Credentials {
  if (auth?.type === 'oauth2') return new ClientCredentials(auth, options);
  const { headers = {}, query } = fixed(auth);
  return {
    async authorize(url) {
      if (query === undefined) return { url, headers };
      const signed = new URL(url);
      signed.searchParams.set(query.name, query.value);
      return { url: signed, headers };
    },
    refused: () => false,
    accepted: () => {},
  };
}

function fixed(auth: Exclude<AuthConfig, { type: 'oauth2' }> | undefined): {
  headers?: Record<string, string>;
  query?: { name: string; value: string };
} {
  switch (auth?.type) {
    case undefined:
      return {};
    case 'bearer':
      return { headers: { authorization: `Bearer ${auth.token}` } };
    case 'basic':
      return { headers: { authorization: basic(auth.username, auth.password) } };
    case 'api-key': {
      const { name, value } = auth;
      return auth.in === 'header' ? { headers: { [name.toLowerCase()]: value } } : { query: { name, value } };
    }
  }
}
