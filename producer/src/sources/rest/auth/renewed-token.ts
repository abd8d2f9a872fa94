import { interruptible } from '@tributary/shared';
import { type HttpRequest, withHeader } from '../request/http-request.js';
import type { CredentialOptions, Credentials, Errand } from './credentials.js';
import type { KeptToken, TokenStore } from './token-store.js';

/** A token is renewed this long before it expires, in milliseconds; a short-lived one after nine tenths of its life. */
const RENEW_BEFORE = 30_000;

/**
 * A new token that is refused at once is kept for this long, in milliseconds: another would be refused as well, until a person has
 * given the account more rights.
 */
const REFUSED_FOR = 60_000;

/** A token, as a server gave it. */
export interface GivenToken {
  readonly value: string;
  /** How long it is valid, in milliseconds; infinite if the server does not say. */
  readonly lifetime: number;
  /** What it is renewed with from now on. */
  readonly refreshToken?: string | undefined;
}

export interface RenewedTokenOptions extends Pick<CredentialOptions, 'clock' | 'onSecret'> {
  /** The values of the settings that must never be shown. */
  readonly secrets: readonly string[];
  readonly store: TokenStore;
  /** Under which name the store keeps the tokens of these settings. */
  readonly family: string;
  /** A token of the settings, to begin with. */
  readonly first?: string | undefined;
  /**
   * Obtains a token.
   * @param kept the one before; another endpoint or producer may have obtained it
   * @throws RetryableError, FatalError if there is none to be had
   */
  obtain(errand: Errand, kept: KeptToken | undefined): Promise<GivenToken>;
  /** The request with the token; in the Authorization header unless given. */
  apply?(request: HttpRequest, token: string): HttpRequest;
}

const bearer = (request: HttpRequest, token: string): HttpRequest =>
  withHeader(request, 'authorization', `Bearer ${token}`);

/** A token for all requests, renewed before it expires and when the API refuses it. */
export class RenewedToken implements Credentials {
  readonly #options: RenewedTokenOptions;
  /** Which token a request carries: requests that are side by side may carry different ones. */
  readonly #carried = new WeakMap<HttpRequest, string>();
  #current: KeptToken | undefined;
  /** When the current one has to be renewed, by the clock that is never set. */
  #currentEnds = Number.POSITIVE_INFINITY;
  /** The last one that the API refused. */
  #refused: string | undefined;
  /** When this one was obtained, if no request has succeeded with it yet. If the API refuses such a token, another would not help. */
  #untriedSince: number | undefined;
  #coming: Promise<KeptToken> | undefined;

  constructor(options: RenewedTokenOptions) {
    this.#options = options;
  }

  get secrets(): readonly string[] {
    return this.#options.secrets;
  }

  async authorize(request: HttpRequest, errand: Errand): Promise<HttpRequest> {
    const token = this.#isGood(this.#current) ? this.#current : await this.#renewed(errand);
    const authorized = (this.#options.apply ?? bearer)(request, token.value);
    this.#carried.set(authorized, token.value);
    return authorized;
  }

  refused(request: HttpRequest): boolean {
    const value = this.#carried.get(request);
    // Another token has come meanwhile.
    if (value !== this.#current?.value) return true;
    const { clock } = this.#options;
    if (this.#untriedSince !== undefined && clock.monotonic() - this.#untriedSince < REFUSED_FOR) return false;
    this.#refused = value;
    this.#current = undefined;
    return true;
  }

  /** The token works, so a later refusal means that it was revoked, and a new one may help. */
  accepted(request: HttpRequest): void {
    if (this.#carried.get(request) === this.#current?.value) this.#untriedSince = undefined;
  }

  #isGood(token: KeptToken | undefined): token is KeptToken {
    if (token === undefined || token.value === this.#refused) return false;
    const { clock } = this.#options;
    // The time of day alone would keep a token that has expired for as long as it was set back.
    if (token === this.#current && clock.monotonic() >= this.#currentEnds) return false;
    return token.goodUntil === null || token.goodUntil > clock.now();
  }

  #take(token: KeptToken): void {
    const { clock } = this.#options;
    this.#current = token;
    this.#currentEnds = clock.monotonic() + (token.goodUntil ?? Number.POSITIVE_INFINITY) - clock.now();
  }

  /** Requests that need a token at the same time share one request for it. A failed one is forgotten. */
  #renewed(errand: Errand): Promise<KeptToken> {
    this.#coming ??= this.#renew(errand).finally(() => {
      this.#coming = undefined;
    });
    return this.#coming;
  }

  async #renew(errand: Errand): Promise<KeptToken> {
    const { store, family, first, clock, onSecret, obtain } = this.#options;
    const known =
      (await interruptible(store.load(family), errand.signal)) ??
      (first ? { value: first, goodUntil: null } : undefined);
    if (this.#isGood(known)) {
      onSecret(known.value);
      this.#untriedSince = undefined;
      this.#take(known);
      return known;
    }
    let isOurs = false;
    const token = await store.renew(
      family,
      async (kept) => {
        // Another endpoint, or another producer, was faster.
        if (this.#isGood(kept)) return kept;
        const asked = clock.now();
        const { value, lifetime, refreshToken } = await obtain(errand, kept);
        for (const secret of [value, refreshToken]) if (secret !== undefined) onSecret(secret);
        isOurs = true;
        const goodUntil = asked + Math.max(lifetime - RENEW_BEFORE, lifetime * 0.9);
        return { value, goodUntil: Number.isFinite(goodUntil) ? goodUntil : null, refreshToken };
      },
      errand.signal,
    );
    onSecret(token.value);
    this.#untriedSince = isOurs ? clock.monotonic() : undefined;
    this.#take(token);
    return token;
  }
}
