import { parse } from 'node:querystring';
import {
  type Clock,
  createApp,
  describeError,
  hasLargeBody,
  hostProblem,
  type Logger,
  RetryableError,
} from '@tributary/shared';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { ASKING, FILES, rateLimit } from '../access/rate-limit.js';
import type { TrustProxy } from '../access/trust-proxy.js';
import { QueryError, SinkNotSetError } from '../data/readers/port.js';
import type { LetterRetention } from '../dead-letters/retention.js';
import { ApiError, badRequest, nothingHere } from './api-error.js';
import type { Context } from './context.js';
import { createInstruments } from './instruments.js';
import { isPageFile } from './page-files.js';
import { ROUTES } from './routes.js';
import { securityHeaders } from './security.js';
import { serve } from './serve.js';

/** All that is served. Anything else, such as what Express would answer to OPTIONS, tells which paths exist. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'DELETE'];

/** What is served, and how. */
interface Served extends Omit<Context, 'registry'> {
  readonly trustProxy: TrustProxy;
  readonly letterRetention: Pick<LetterRetention, 'register'>;
}

/** The dashboard over HTTP: health and metrics, the API, the page; every error is JSON that says what to do. */
export function createDashboardApp(
  { trustProxy, letterRetention, ...rest }: Served,
  clock: Clock,
  log: Logger,
): Express {
  const { registry, timing } = createInstruments(rest.reader, rest.alerts);
  rest.exports.tally.register(registry);
  letterRetention.register(registry);
  const context: Context = { ...rest, registry };
  const app = createApp();
  // All of them: what is beyond a thousand would be left out in silence, also behind as many `&`. The length of an address bounds them.
  app.set('query parser', (text: string) => parse(text, undefined, undefined, { maxKeys: 0 }));
  app.set('case sensitive routing', true);
  app.set('trust proxy', trustProxy);
  app.use(securityHeaders, knownMethods, oneHost, limited(clock));
  app.use('/api', timing);
  serve(app, ROUTES, context, clock);
  app.use(nothingHere);
  app.use(errorAnswers(log));
  return app;
}

const knownMethods: RequestHandler = ({ method }, response, next) => {
  if (METHODS.includes(method)) return next();
  response.set('Allow', METHODS.join(', '));
  throw new ApiError(405, 'method_not_allowed', `${method.slice(0, 20)} is not answered here`);
};

function limited(clock: Clock): RequestHandler {
  const [asking, files] = [rateLimit(ASKING, clock), rateLimit(FILES, clock)];
  return (request, response, next) => (isPageFile(request.path) ? files : asking)(request, response, next);
}

const oneHost: RequestHandler = (request, _response, next) => {
  const problem = hostProblem(request);
  if (problem !== undefined) throw badRequest(problem);
  next();
};

function errorAnswers(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    // The client went away, or the answer has begun: only cutting it off can say that it failed.
    if (response.destroyed || response.headersSent) {
      if (!response.destroyed) response.destroy();
      log.debug({ path: request.path, reason: describeError(error) }, 'an answer was not finished');
      return;
    }
    const { status, code, message, after } = explain(error);
    if (status === 500) log.error({ path: request.path, reason: describeError(error) }, 'a request failed');
    // A download that failed before its first byte is not a file.
    response.removeHeader('Content-Disposition');
    if (after !== undefined) response.set('Retry-After', String(after));
    // Node would read a large body to its end, to keep the connection.
    if (hasLargeBody(request)) response.set('Connection', 'close');
    if (status === 401) response.set('WWW-Authenticate', 'Bearer');
    response.status(status).json({ error: { code, message } });
  };
}

interface Explained {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Seconds. */
  readonly after?: number | undefined;
}

/** What the errors of the body parser mean, by their type. */
const BODY_ERRORS: Readonly<Record<string, string>> = {
  'entity.too.large': 'the body is too large',
  'entity.parse.failed': 'the body is not JSON',
  'encoding.unsupported':
    'the body is compressed in a way that is not known here: send it as gzip, deflate or br, or as it is',
  'charset.unsupported': 'the body is not in UTF-8',
};

function explain(error: unknown): Explained {
  if (error instanceof ApiError) return error;
  if (error instanceof QueryError) return { status: 400, code: 'bad_request', message: error.message };
  if (error instanceof SinkNotSetError) return { status: 501, code: 'sink_not_supported', message: error.message };
  if (error instanceof RetryableError) return { status: 503, code: error.code, message: error.message };
  // An error of express itself, such as for a path with a broken percent sign, or for a body that is too large.
  const { status, type = '' } = error as { status?: number; type?: string };
  if (status !== undefined && status >= 400 && status < 500) {
    const message = Object.hasOwn(BODY_ERRORS, type) ? BODY_ERRORS[type] : undefined;
    return { status, code: 'bad_request', message: message ?? 'the request cannot be understood' };
  }
  return { status: 500, code: 'internal', message: 'the dashboard failed to answer; its log says why' };
}
