import { type AuthConfig, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import { addressOf } from '../request/address.js';
import type { HttpRequest } from '../request/http-request.js';
import { basic } from './basic.js';
import type { CredentialOptions, Credentials } from './credentials.js';
import { type GivenToken, RenewedToken } from './renewed-token.js';

type Settings = Extract<AuthConfig, { type: 'oauth2' }>;

/** OAuth 2 client credentials (RFC 6749, section 4.4). */
export function oauth2Credentials(settings: Settings, { clock, onSecret }: CredentialOptions): Credentials {
  const { tokenUrl, clientId, clientSecret } = settings;
  return new RenewedToken({
    clock,
    onSecret,
    secrets: [clientId, clientSecret, basic(clientId, clientSecret)],
    request: async (send) => tokenIn(await send(tokenRequest(settings)), redactUrl(tokenUrl)),
  });
}

function tokenRequest({ tokenUrl, clientId, clientSecret, scope, audience, credentialsIn }: Settings): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (audience !== undefined) form.set('audience', audience);
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (credentialsIn === 'header') {
    headers.authorization = basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret));
  } else {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  return { method: 'POST', address: addressOf(tokenUrl), headers, body: form.toString() };
}

function tokenIn({ status, text }: Answer, url: string): GivenToken {
  if (status >= 500 || status === 429 || status === 408) {
    throw new RetryableError('token_unavailable', `no token: ${url} answered ${status}`);
  }
  // The body may repeat the secrets that were sent, so only the error code is shown (RFC 6749, section 5.2).
  const said = parse(text);
  if (status >= 300) {
    const code = typeof said.error === 'string' && /^[a-z_]{1,40}$/.test(said.error) ? ` (${said.error})` : '';
    throw new FatalError(
      'token_refused',
      `no token: ${url} answered ${status}${code}; look at clientId, clientSecret and scope`,
    );
  }
  const { access_token: value, expires_in: seconds } = said;
  if (typeof value !== 'string' || value === '') {
    throw new RetryableError('token_invalid', `no token: ${url} answered ${status} without an access_token`);
  }
  // The server is not bound to say how long the token lives (RFC 6749, section 5.1).
  const lifetime = Number(seconds) > 0 ? Number(seconds) * 1_000 : Number.POSITIVE_INFINITY;
  return { value, lifetime };
}

function parse(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text);
    return said !== null && typeof said === 'object' ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
