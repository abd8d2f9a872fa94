import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '@tributary/shared';
import type { Request, Response } from 'express';
import type { Misfortune, Spoil } from './faults.js';

/** A body, and how it is to go wrong. */
export interface Sending {
  readonly text: string;
  readonly type: string;
  readonly spoil: Spoil | undefined;
  /** Between the pieces of a slow body, in milliseconds. */
  readonly pause: number;
}

/**
 * Sends a body with a strong ETag over its bytes, or 304 if the client has these bytes (RFC 9110, 13.1.2), or spoils it.
 *
 * Express's own check is not used: it does not answer 304 when the request says `Cache-Control: no-cache`, and fetch
 * says so by itself whenever `If-None-Match` is set (Fetch Standard, "HTTP-network-or-cache fetch").
 *
 * @returns whether the client can know the content now, once the response has gone out
 */
export function send(request: Request, response: Response, { text, type, spoil, pause }: Sending): boolean {
  const bytes = Buffer.from(text);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  if (spoil === undefined || spoil === 'slow') response.set('ETag', etag);
  if (spoil === undefined && isKnown(request.headers['if-none-match'], etag)) {
    response.status(304).end();
    return true;
  }
  response.set('Content-Type', `${type}; charset=utf-8`);
  switch (spoil) {
    case undefined:
      response.set('Content-Length', String(bytes.length)).end(bytes);
      return true;
    case 'slow':
      void sendSlowly(response.set('Content-Length', String(bytes.length)), bytes, pause, systemClock);
      return true;
    case 'dropped':
      response.set('Content-Length', String(bytes.length));
      response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
      return false;
    case 'truncated':
      response.end(bytes.subarray(0, Math.max(0, Math.floor(bytes.length / 2))));
      return false;
    case 'malformed':
      response.end(`${text.slice(0, -1)},,}`);
      return false;
    case 'html':
      response.type('html').end('<!doctype html><title>Maintenance</title><p>We will be back soon.</p>');
      return false;
  }
}

/** So many pieces has a slow body. */
const PIECES = 10;

async function sendSlowly(response: Response, bytes: Buffer, pause: number, clock: Clock): Promise<void> {
  const length = Math.max(1, Math.ceil(bytes.length / PIECES));
  for (let from = 0; from < bytes.length && !response.destroyed; from += length) {
    response.write(bytes.subarray(from, from + length));
    await clock.sleep(pause);
  }
  response.end();
}

/** Retry-After as it is set, for the statuses that have one (RFC 9110, section 10.2.3). */
export function retryAfter(
  { status }: Misfortune,
  { retryAfter: seconds, retryAfterAsDate }: { retryAfter?: number | undefined; retryAfterAsDate: boolean },
  now: number,
): string | undefined {
  if (seconds === undefined || (status !== 429 && status !== 503)) return undefined;
  return retryAfterAsDate ? new Date(now + seconds * 1_000).toUTCString() : String(seconds);
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  // If-None-Match compares weakly, so a W/ that a proxy put in front does not count.
  const known = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes('*') || known.includes(etag);
}
