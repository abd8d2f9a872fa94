import type { Clock } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import type { HttpRequest } from '../request/http-request.js';
import type { TokenStores } from './token-store.js';

/**
 * Sends one request for a token, within the limits and the time of the endpoint that asks.
 * @param toTheEnd it is not aborted with the run: its answer may hold the only copy of a token
 */
export type Send = (request: HttpRequest, toTheEnd?: boolean) => Promise<Answer>;

/** What credentials may do beside the request that they are for. */
export interface Errand {
  readonly send: Send;
  /** The run of the request. */
  readonly signal: AbortSignal;
}

/** Authenticates requests. Each kind of auth makes one from its settings. Requests may be under way side by side. */
export interface Credentials {
  /** The values of its settings that must never be shown. */
  readonly secrets: readonly string[];
  /**
   * The request with the credentials.
   * @throws RetryableError, FatalError if a token is needed and cannot be obtained
   */
  authorize(request: HttpRequest, errand: Errand): Promise<HttpRequest>;
  /**
   * The API refused the credentials of a request.
   * @param request as {@link authorize} returned it
   * @returns whether {@link authorize} can give others now
   */
  refused(request: HttpRequest): boolean;
  /** The API accepted the credentials of a request. */
  accepted(request: HttpRequest): void;
}

export interface CredentialOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly tokens: TokenStores;
  /** What else a token may be bound to, such as the certificate of the connection: no other endpoint's token is used. */
  readonly binding: string;
  /** Called with each secret that is obtained later, such as a token. */
  onSecret(secret: string): void;
  /** Removes the secrets that are known from a text for people. */
  conceal(text: string): string;
  /** The run goes on, but a person should check the settings. */
  onDoubt(message: string): void;
}

/** Credentials that never change: if the API refuses them, there are no others. */
export const fixedCredentials = (
  secrets: readonly string[],
  apply: (request: HttpRequest) => HttpRequest,
): Credentials => ({
  secrets,
  authorize: async (request) => apply(request),
  refused: () => false,
  accepted: () => {},
});
