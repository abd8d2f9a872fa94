import type { Answer } from './fetch.js';
import type { Address } from './request/address.js';
import type { HttpRequest } from './request/http-request.js';

/** A chain of redirects longer than this leads nowhere. */
export const MOST_REDIRECTS = 5;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The request that a redirect asks for, if it stays on the same server, or moves to https there: our credentials go with it.
 *
 * @returns undefined if the answer is no redirect, or leads elsewhere
 */
export function redirected(request: HttpRequest, { status, headers }: Answer): HttpRequest | undefined {
  if (!REDIRECTS.has(status) || headers.location === undefined) return undefined;
  const target = request.address.resolve(headers.location);
  if (target === undefined || !isSameServer(request.address, target)) return undefined;
  // A redirect that may change the method makes a GET of a POST (Fetch Standard, "HTTP-redirect fetch").
  const keepsMethod = status === 307 || status === 308 || request.method === 'GET';
  if (keepsMethod) return { ...request, address: target };
  const { 'content-type': _type, ...rest } = request.headers;
  return { method: 'GET', address: target, headers: rest };
}

const isSameServer = (from: Address, to: Address): boolean =>
  to.origin === from.origin || (to.isHttps && !from.isHttps && to.hostname === from.hostname);
