import { describeError, RetryableError } from '@tributary/shared';
import { ApiError } from './api-error.js';

/** Milliseconds that a look at a service may take: its answer is shown together with those of other services. */
export const LOOK_WITHIN = 1_500;
/** Milliseconds that a service may take to do what a person asks for. */
const ACT_WITHIN = 10_000;

/** Asks another service. @throws Error if it does not answer in time */
export function ask(url: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, url), { ...init, signal: init.signal ?? AbortSignal.timeout(LOOK_WITHIN) });
}

export const withToken = (token: string | undefined): RequestInit =>
  token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };

/**
 * Asks another service for something that a person wants, and reads the JSON that it answers.
 * @throws RetryableError if it does not answer; ApiError with the service's own words if it refuses
 */
export async function askForPerson(url: string, path: string, init: RequestInit = {}): Promise<unknown> {
  let answer: Response;
  try {
    answer = await ask(url, path, { ...init, signal: AbortSignal.timeout(ACT_WITHIN) });
  } catch (error) {
    throw new RetryableError('no_answer', `${new URL(url).host} does not answer: ${describeError(error)}`);
  }
  const body = (await answer.json().catch(() => ({}))) as { error?: unknown };
  if (answer.ok) return body;
  const why = typeof body.error === 'string' ? body.error : `it answered ${answer.status}`;
  throw new ApiError(answer.status < 500 ? 409 : 503, 'refused', why);
}
