import type { EndpointConfig } from '@tributary/shared';
import { basicOfUrl } from './auth/basic.js';
import { type HttpRequest, withParameters } from './request.js';

/** What differs from run to run. */
export interface RequestValues {
  /** Only what changed since; undefined for everything. */
  readonly since: string | undefined;
}

/**
 * The request for an endpoint's records, before paging.
 *
 * @param accept the `Accept` header, unless the endpoint has one of its own
 * @returns makes the request with the values of a run
 */
export function firstRequest(
  { url: text, query, headers: configured, incremental }: EndpointConfig,
  accept: string,
): (values: RequestValues) => HttpRequest {
  const url = new URL(text);
  const headers: Record<string, string> = { accept, 'user-agent': 'tributary' };
  const authorization = basicOfUrl(url);
  if (authorization !== undefined) headers.authorization = authorization;
  for (const [name, value] of Object.entries(configured)) headers[name.toLowerCase()] = value;
  url.username = '';
  url.password = '';
  const request = withParameters({ method: 'GET', url, headers }, query);
  return ({ since }) =>
    since === undefined || incremental === undefined
      ? request
      : withParameters(request, { [incremental.parameter]: since });
}
