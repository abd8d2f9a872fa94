import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { type Dispatcher, errors, request as send } from 'undici';
import type { HttpRequest } from './request.js';

/** An HTTP response whose body was read. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; values of headers that came more than once are joined with commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text; at most 4 KiB of it unless the status is 2xx. */
  readonly text: string;
  /** When the last byte arrived, in milliseconds since the epoch. */
  readonly arrivedAt: number;
}

export interface FetchOptions {
  readonly dispatcher: Dispatcher;
  /** How long the whole exchange may take, from connecting to the last byte, in milliseconds. */
  readonly timeout: number;
  /** How long, in milliseconds, until the headers are there, and between two pieces of the body. */
  readonly timeouts: { readonly headers: number; readonly body: number };
  /** The largest body that is read, in bytes. */
  readonly maxBodySize: number;
  readonly signal: AbortSignal;
  now(): number;
}

/** Enough of an error page to show what it says. */
const MAX_ERROR_BODY = 4_096;

/**
 * One request and its answer. Redirects are not followed.
 *
 * @throws RetryableError for every fault of the network
 * @throws FatalError if the body is larger than allowed, or the request cannot be sent at all
 * @throws the signal's reason once it has aborted
 */
export async function fetchAnswer(request: HttpRequest, options: FetchOptions): Promise<Answer> {
  const { signal, timeout } = options;
  signal.throwIfAborted();
  // AbortSignal.any would keep every request in memory as long as the stop signal lives (nodejs/node#54614).
  const exchange = new AbortController();
  const stop = () => exchange.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => {
    exchange.abort(new RetryableError('timeout', `no complete answer within ${timeout} ms`));
  }, timeout);
  try {
    return await exchangeOnce(request, exchange.signal, options);
  } catch (error) {
    exchange.signal.throwIfAborted();
    if (error instanceof FatalError) throw error;
    if (error instanceof errors.InvalidArgumentError) {
      throw new FatalError('request_invalid', `the request cannot be made: ${error.message}`, { cause: error });
    }
    throw timeoutOf(error) ?? new RetryableError('network', describeError(error), { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** The error for the part of the exchange that took too long; undefined if the error is not a timeout. */
function timeoutOf(error: unknown): RetryableError | undefined {
  const parts = [
    [errors.ConnectTimeoutError, 'connect', 'no connection'],
    [errors.HeadersTimeoutError, 'headers', 'no headers'],
    [errors.BodyTimeoutError, 'body', 'the body stood still'],
  ] as const;
  const part = parts.find(([Class]) => error instanceof Class);
  if (part === undefined) return undefined;
  const [, name, what] = part;
  return new RetryableError(`timeout_${name}`, `${what} within timeouts.${name}`, { cause: error });
}

async function exchangeOnce(request: HttpRequest, signal: AbortSignal, options: FetchOptions): Promise<Answer> {
  const { dispatcher, maxBodySize, timeouts } = options;
  const { statusCode, headers, body } = await send(request.url, {
    dispatcher,
    signal,
    method: request.method,
    headers: request.headers,
    body: request.body ?? null,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.body,
  });
  const succeeded = statusCode >= 200 && statusCode < 300;
  const limit = succeeded ? maxBodySize : MAX_ERROR_BODY;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit && succeeded) {
      // Leaving the loop destroys the body and its socket: the rest is never read.
      throw new FatalError(
        'body_too_large',
        `the body is larger than ${limit} bytes; ask for smaller pages or raise maxBodySize`,
      );
    }
    chunks.push(chunk);
    if (size > limit) break;
  }
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const text = decode(Buffer.concat(chunks), joined['content-type']);
  return { status: statusCode, headers: joined, text, arrivedAt: options.now() };
}

/** In the charset the API names, else UTF-8 (RFC 8259, section 8.1); a byte order mark is left out. */
function decode(bytes: Buffer, contentType = ''): string {
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
