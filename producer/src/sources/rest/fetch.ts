import { describeError, FatalError, RetryableError } from '@tributary/shared';
import { type Dispatcher, errors } from 'undici';
import { ACCEPT_ENCODING, decodeContent, tooLarge } from './content-encoding.js';
import { charsetOf, decodeText } from './formats/text.js';
import type { HttpRequest } from './request/http-request.js';

/** An HTTP response whose body was read. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; values of headers that came more than once are joined with commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** The `Set-Cookie` headers. */
  readonly cookies: readonly string[];
  /** The body as text; at most 4 KiB of it unless the status is 2xx. */
  readonly text: string;
  /** What a person should know about how the text was read from its bytes. */
  readonly doubt?: string | undefined;
  /** When the last byte had arrived, in milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** The way that it took, if it did not come straight from the API: `by way of the proxy ...`. */
  readonly way?: string | undefined;
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
  /** The way to the API, for errors, if it is not a direct one: `by way of the proxy ...`. */
  readonly way?: string | undefined;
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
  const { signal, timeout, way } = options;
  signal.throwIfAborted();
  const onTheWay = way === undefined ? '' : `, ${way}`;
  // AbortSignal.any would keep every request in memory as long as the stop signal lives (nodejs/node#54614).
  const exchange = new AbortController();
  const stop = () => exchange.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => {
    exchange.abort(new RetryableError('timeout', `no complete answer within ${timeout} ms${onTheWay}`));
  }, timeout);
  try {
    return await exchangeOnce(request, exchange.signal, options);
  } catch (error) {
    exchange.signal.throwIfAborted();
    if (error instanceof FatalError) throw error;
    if (error instanceof errors.InvalidArgumentError) {
      throw new FatalError('request_invalid', `the request cannot be made: ${error.message}`, { cause: error });
    }
    throw timeoutOf(error, onTheWay) ?? new RetryableError('network', networkFault(error) + onTheWay, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** The error for the part of the exchange that took too long; undefined if the error is not a timeout. */
function timeoutOf(error: unknown, onTheWay: string): RetryableError | undefined {
  const parts = [
    [errors.ConnectTimeoutError, 'connect', 'no connection'],
    [errors.HeadersTimeoutError, 'headers', 'no headers'],
    [errors.BodyTimeoutError, 'body', 'the body stood still'],
  ] as const;
  const part = parts.find(([Class]) => error instanceof Class);
  if (part === undefined) return undefined;
  const [, name, what] = part;
  return new RetryableError(`timeout_${name}`, `${what} within timeouts.${name}${onTheWay}`, { cause: error });
}

/** What is wrong with the network, in words. A proxy tells by a status that it makes no way to the API. */
function networkFault(error: unknown): string {
  const said = describeError(error);
  const status = /Proxy response \((\d+)\)/.exec(said)?.[1];
  if (status === undefined) return said;
  const why = status === '407' ? ': it asks for a user and a password, as http://user:password@host:port' : '';
  return `the proxy makes no connection to the API, it answered ${status}${why}`;
}

async function exchangeOnce(request: HttpRequest, signal: AbortSignal, options: FetchOptions): Promise<Answer> {
  const { dispatcher, maxBodySize, timeouts, way } = options;
  // The path is sent as it is written; a URL object would encode what needs no encoding.
  const { statusCode, headers, body } = await dispatcher.request({
    signal,
    origin: request.address.origin,
    path: request.address.path,
    method: request.method,
    headers: { 'accept-encoding': ACCEPT_ENCODING, ...request.headers },
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
    // Leaving the loop destroys the body and its socket: the rest is never read.
    if (size > limit && succeeded) throw tooLarge(limit);
    chunks.push(chunk);
    if (size > limit) break;
  }
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const cookies = [headers['set-cookie'] ?? []].flat();
  const bytes = Buffer.concat(chunks);
  const told = { status: statusCode, headers: joined, cookies, arrivedAt: options.now(), way };
  if (!succeeded) return { ...told, text: await textOfError(bytes, joined, size > limit) };
  return {
    ...told,
    ...decodeText(await decodeContent(bytes, joined['content-encoding'], limit), charsetOf(joined['content-type'])),
  };
}

/** An error page is only shown: what of it can be read is enough. */
async function textOfError(bytes: Buffer, headers: Readonly<Record<string, string>>, isCut: boolean): Promise<string> {
  const encoding = isCut ? undefined : headers['content-encoding'];
  const decoded = await decodeContent(bytes, encoding, MAX_ERROR_BODY * 100).catch(() => bytes);
  return new TextDecoder().decode(decoded);
}
