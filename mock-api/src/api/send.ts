import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '@tributary/shared';
import type { Request, Response } from 'express';
import type { Damage } from '../faults/faults.js';

/** A body, and how to damage it. */
export interface Sending {
  readonly text: string;
  readonly type: string;
  readonly damage: Damage | undefined;
  /** Milliseconds between the pieces of a slow body. */
  readonly pause: number;
}

/**
 * Sends a body with a strong ETag over its bytes, or 304 if the client has these bytes (RFC 9110, 13.1.2), or damages it.
 *
 * Express's own check is not used: it does not answer 304 to a request with `Cache-Control: no-cache`, and fetch adds
 * that header itself whenever `If-None-Match` is set (Fetch Standard, "HTTP-network-or-cache fetch").
 *
 * @returns whether the client knows the content once the response has been sent in full
 */
export function send(request: Request, response: Response, { text, type, damage, pause }: Sending): boolean {
  const bytes = Buffer.from(text);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  if (damage === undefined || damage === 'slow') response.set('ETag', etag);
  if (damage === undefined && isKnown(request.headers['if-none-match'], etag)) {
    response.status(304).end();
    return true;
  }
  response.set('Content-Type', `${type}; charset=utf-8`);
  switch (damage) {
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

/** The number of pieces of a slow body. */
const PIECES = 10;

async function sendSlowly(response: Response, bytes: Buffer, pause: number, clock: Clock): Promise<void> {
  const length = Math.max(1, Math.ceil(bytes.length / PIECES));
  for (let from = 0; from < bytes.length && !response.destroyed; from += length) {
    response.write(bytes.subarray(from, from + length));
    await clock.sleep(pause);
  }
  response.end();
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  // If-None-Match compares weakly, so a W/ that a proxy has put in front is ignored.
  const known = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes('*') || known.includes(etag);
}
