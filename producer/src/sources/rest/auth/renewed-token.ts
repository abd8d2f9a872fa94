import { type HttpRequest, withHeader } from '../request/http-request.js';
import type { CredentialOptions, Credentials, Send } from './credentials.js';

/** A token is renewed this long before it expires, in milliseconds; a short-lived one after nine tenths of its life. */
const RENEW_BEFORE = 30_000;

/** A token, as the server gave it. */
export interface GivenToken {
  readonly value: string;
  /** How long it is valid, in milliseconds; infinite if the server does not say. */
  readonly lifetime: number;
}

export interface RenewedTokenOptions extends CredentialOptions {
  /** The values of the settings that must never be shown. */
  readonly secrets: readonly string[];
  /** Requests a token. @throws RetryableError, FatalError if the server does not give one */
  request(send: Send): Promise<GivenToken>;
}

interface Token {
  readonly value: string;
  /** When it has to be renewed, in milliseconds since the epoch. */
  readonly goodUntil: number;
}

/** One token for all requests of the endpoint, renewed before it expires and when the API refuses it. */
export class RenewedToken implements Credentials {
  readonly #options: RenewedTokenOptions;
  #token: Promise<Token> | undefined;
  /** No request has succeeded with this token yet. If the API refuses such a token, a new one would not help. */
  #fresh = true;

  constructor(options: RenewedTokenOptions) {
    this.#options = options;
  }

  get secrets(): readonly string[] {
    return this.#options.secrets;
  }

  async authorize(request: HttpRequest, send: Send): Promise<HttpRequest> {
    let token = await this.#currentToken(send);
    if (token.goodUntil <= this.#options.clock.now()) {
      this.#token = undefined;
      token = await this.#currentToken(send);
    }
    return withHeader(request, 'authorization', `Bearer ${token.value}`);
  }

  refused(): boolean {
    if (this.#fresh) return false;
    this.#token = undefined;
    return true;
  }

  /** The token works, so a later refusal means that it was revoked, and a new one may help. */
  accepted(): void {
    this.#fresh = false;
  }

  /** Requests that need a token at the same time share one request for it. A failed request is forgotten. */
  #currentToken(send: Send): Promise<Token> {
    if (this.#token === undefined) {
      const token = this.#request(send);
      this.#token = token;
      token.catch(() => {
        if (this.#token === token) this.#token = undefined;
      });
    }
    return this.#token;
  }

  async #request(send: Send): Promise<Token> {
    const { clock, request, onSecret } = this.#options;
    const asked = clock.now();
    const { value, lifetime } = await request(send);
    onSecret(value);
    this.#fresh = true;
    return { value, goodUntil: asked + Math.max(lifetime - RENEW_BEFORE, lifetime * 0.9) };
  }
}
