import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

/**
 * Sends JSON with a strong ETag over its bytes, or 304 if the client has these bytes (RFC 9110, 13.1.2).
 *
 * Express's own check is not used: it does not answer 304 when the request says `Cache-Control: no-cache`, and fetch
 * says so by itself whenever `If-None-Match` is set (Fetch Standard, "HTTP-network-or-cache fetch").
 */
export function sendConditionally(request: Request, response: Response, json: string): void {
  const bytes = Buffer.from(json);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  response.set('ETag', etag);
  if (isKnown(request.headers['if-none-match'], etag)) {
    response.status(304).end();
    return;
  }
  response
    .set('Content-Type', 'application/json; charset=utf-8')
    .set('Content-Length', String(bytes.length))
    .end(bytes);
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  // If-None-Match compares weakly, so a W/ that a proxy put in front does not count.
  const known = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes('*') || known.includes(etag);
}
