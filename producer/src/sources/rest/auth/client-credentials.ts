import { type AuthConfig, FatalError, RetryableError, redactUrl } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import { basic } from './basic.js';
import type { CredentialOptions, Credentials } from './credentials.js';

/** A token is renewed this long before it runs out, in milliseconds; of a short-lived one, at nine tenths of its life. */
const RENEW_BEFORE = 30_000;

/** OAuth 2 client credentials (RFC 6749, section 4.4): one token for all requests of the endpoint, renewed in time. */
export class ClientCredentials implements Credentials {
  #token: Promise<{ readonly value: string; readonly goodUntil: number }> | undefined;
  /** No request has succeeded with this token yet: one that is refused is not thrown away for another, for ever. */
  #fresh = true;

  constructor(
    private readonly auth: Extract<AuthConfig, { type: 'oauth2' }>,
    private readonly options: CredentialOptions,
  ) {}

  async authorize(url: URL) {
    let token = await this.#had();
    if (token.goodUntil <= this.options.clock.now()) {
      this.#token = undefined;
      token = await this.#had();
    }
    return { url, headers: { authorization: `Bearer ${token.value}` } };
  }

  refused(): boolean {
    if (this.#fresh) return false;
    this.#token = undefined;
    return true;
  }

  /** One request for a token, whoever waits for it; a failed one is forgotten. */
  #had() {
    if (this.#token === undefined) {
      const token = this.#request();
      this.#token = token;
      token.catch(() => {
        if (this.#token === token) this.#token = undefined;
      });
    }
    return this.#token;
  }

  async #request() {
    const { tokenUrl, clientId, clientSecret, scope, audience, credentialsIn } = this.auth;
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
    const asked = this.options.clock.now();
    const answer = await this.options.post({ url: new URL(tokenUrl), headers, body: form.toString() });
    const { value, lifetime } = tokenIn(answer, redactUrl(tokenUrl));
    this.options.onSecret(value);
    this.#fresh = true;
    return { value, goodUntil: asked + Math.max(lifetime - RENEW_BEFORE, lifetime * 0.9) };
  }

  /** The API took what it was given: a refusal from now on may be of a token that was taken back. */
  accepted(): void {
    this.#fresh = false;
  }
}

/** @returns the token, and its life in milliseconds */
function tokenIn({ status, text }: Answer, url: string): { value: string; lifetime: number } {
  if (status >= 500 || status === 429 || status === 408) {
    throw new RetryableError('token_unavailable', `no token: ${url} answered ${status}`);
  }
  // What it says may repeat what it was sent; its error code is one of a few words (RFC 6749, section 5.2).
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
  // It is not bound to say how long the token lives; then only a refusal tells.
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
