import { isUtf8 } from 'node:buffer';
import { json, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { ApiError } from './api-error.js';
import type { Body } from './route.js';

/** Bytes of a body that a route may be sent which takes none; `{}` is what some programs send. */
const NO_BODY = 1_024;

/** Reads the body that a route takes, as far as its limit, as it was sent and as it is inflated. */
export function bodyReader(body: Body | 'none'): RequestHandler {
  return body === 'none' ? readNone : reader(body.limit);
}

/** A body without a length could go on for ever, and Node would read it to its end: the connection is closed instead. */
const readNone: RequestHandler = (request, response, next) => {
  if (request.get('transfer-encoding') !== undefined) response.set('Connection', 'close');
  refuseLarger(request, response, NO_BODY);
  next();
};

function reader(limit: number): RequestHandler {
  const parse = json({ limit, verify: refuseBrokenText });
  return (request, response, next) => {
    refuseLarger(request, response, limit);
    // The parser would take UTF-7 and UTF-16 as well.
    if (!/^(?:utf-?8)?$/i.test(charsetOf(request))) throw notInUtf8();
    let settled = false;
    const settle: NextFunction = (error?: unknown) => {
      if (settled) return;
      settled = true;
      request.off('data', count);
      next((error as { type?: string } | undefined)?.type === NOT_UTF8 ? notInUtf8() : error);
    };
    // The parser counts what is inflated. A compressed body may be large and inflate to nothing.
    let sent = 0;
    const count = (chunk: Buffer) => {
      sent += chunk.length;
      if (sent <= limit) return;
      request.unpipe();
      request.pause();
      settle(tooLarge(limit, response));
    };
    if (request.get('content-encoding') !== undefined) request.on('data', count);
    parse(request, response, settle);
  };
}

const notInUtf8 = () => new ApiError(415, 'bad_request', 'the body is not in UTF-8');
const NOT_UTF8 = 'charset.unsupported';

/** The parser would put a replacement character for each byte that is none, and a record would be sent as another, in silence. */
function refuseBrokenText(_request: unknown, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw Object.assign(new Error('not UTF-8'), { type: NOT_UTF8 });
}

const charsetOf = (request: Request): string =>
  /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(request.get('content-type') ?? '')?.[1] ?? '';

/** By what the head says, before anything is read. */
function refuseLarger(request: Request, response: Response, limit: number): void {
  if (Number(request.get('content-length') ?? 0) > limit) throw tooLarge(limit, response);
}

/** The rest of the body is not read: the connection is closed behind the answer. */
function tooLarge(limit: number, response: Response): ApiError {
  response.set('Connection', 'close');
  return new ApiError(413, 'body_too_large', `the body is larger than ${limit.toLocaleString('en')} bytes`);
}
