import { isIP } from 'node:net';
import { hostName, isForwarded, isLoopback, isNear } from '@tributary/shared';
import type { Request, RequestHandler } from 'express';
import { ApiError } from '../http/api-error.js';

/** Whether pages of other sites may make a browser ask: `own` for what is the dashboard's alone. */
export type Origin = 'own' | 'any';

/**
 * Refuses what another site makes a browser send. A session's cookie is SameSite=Strict, and bodies must be JSON, which no
 * form can send; this check also covers old browsers, other hosts of the same site, and reading that is open on this machine.
 */
export const ownOriginOnly: RequestHandler = (request, _response, next) => {
  const site = request.get('sec-fetch-site');
  if ((site !== undefined && site !== 'same-origin' && site !== 'none') || !isOwn(request)) {
    throw new ApiError(403, 'other_origin', 'another site asked for this, so it is not done');
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (!reads && request.get('content-length') !== '0' && request.is('application/json') === false) {
    throw new ApiError(415, 'not_json', 'send the body as application/json');
  }
  next();
};

/** Whether the page that asked is the dashboard's, by its Origin header; old browsers send none. */
function isOwn(request: Request): boolean {
  const origin = request.get('origin');
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  // A page that came without encryption may be anybody's. The other way round a proxy has taken the encryption off.
  return host === request.host && !(protocol === 'http:' && isSecure(request));
}

/**
 * Whether the browser speaks TLS. What an unknown proxy says of that is believed: all that follows is that the cookie is
 * kept from what is not encrypted.
 */
export const isSecure = (request: Request): boolean =>
  request.secure || request.get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase() === 'https';

/** The address that asks: the connection's, or, of proxies that TRUST_PROXY names, the one that they say. */
export function addressOf(request: Request): string {
  const said = (request.ip ?? '').trim();
  // Some proxies add the port.
  const plain = /^\[(.+)\](?::\d+)?$/.exec(said)?.[1] ?? /^([\d.]+):\d+$/.exec(said)?.[1] ?? said;
  return isIP(plain) === 0 ? (request.socket.remoteAddress ?? '') : plain;
}

/**
 * Whether a program or browser on this machine asks, by the name in its Host header. What came through a proxy counts as from
 * another machine, whatever it says: a page of another site whose name points at this machine (DNS rebinding) can say all that
 * a proxy could, but for the Host.
 *
 * @param near a name without dots, or an address, will do: programs in a network of containers have no other
 */
export function isLocal(request: Request, near = false): boolean {
  if (isForwarded(request)) return false;
  const host = request.get('host') ?? '';
  return near ? isNear(host) : isLoopback(hostName(host));
}
