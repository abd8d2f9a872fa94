import type { HttpRequest } from '../request.js';
import { type CredentialOptions, type Credentials, type Send, withHeader } from './credentials.js';

/** A token is renewed this long before it expires, in milliseconds; a short-lived one after nine tenths of its life. */
const RENEW_BEFORE = 30_000;

/** A token as it was given. */
export interface GivenToken {
  readonly value: string;
  /** How long it lives, in milliseconds; infinite if only a refusal tells. */
  readonly lifetime: number;
}

export interface RenewedTokenOptions extends CredentialOptions {
  /** What the settings hold that must not be shown. */
  readonly secrets: readonly string[];
  /** Asks for a token. @throws RetryableError, FatalError if it cannot be had */
  request(send: Send): Promise<GivenToken>;
}

interface Token {
  readonly value: string;
  /** When it is to be renewed, in milliseconds since the epoch. */
  readonly goodUntil: number;
}

/** One token for all requests of the endpoint, renewed before it expires and when the API refuses it. */
export class RenewedToken implements Credentials {
  readonly #options: RenewedTokenOptions;
  #token: Promise<Token> | undefined;
  /** No request has succeeded with this token yet. If it is refused, another would be too, and so on for ever. */
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

  /** A refusal from now on may be of a token that was taken back. */
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
