import type { Clock } from '@tributary/shared';
import type { Answer } from '../fetch.js';
import type { HttpRequest } from '../request/http-request.js';

/** Sends one request for a token, within the limits and the time of the endpoint that asks. */
export type Send = (request: HttpRequest) => Promise<Answer>;

/** Authenticates requests. Each kind of auth makes one from its settings. */
export interface Credentials {
  /** The values of its settings that must never be shown. */
  readonly secrets: readonly string[];
  /**
   * The request with the credentials.
   * @param send sends a request that must come first, such as one for a token
   * @throws RetryableError, FatalError if a token is needed and cannot be obtained
   */
  authorize(request: HttpRequest, send: Send): Promise<HttpRequest>;
  /** The API refused the credentials. @returns whether {@link authorize} can give others now */
  refused(): boolean;
  /** The API accepted the credentials. */
  accepted(): void;
}

export interface CredentialOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Called with each secret that is obtained later, such as a token. */
  onSecret(secret: string): void;
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
