import { addHealthRoutes, type Clock, createApp, describeError, type Logger, RetryableError } from '@tributary/shared';
import type { ErrorRequestHandler, Express } from 'express';
import { sameOriginOnly } from '../access/guard.js';
import { rateLimit } from '../access/rate-limit.js';
import { QueryError, SinkNotSetError } from '../data/readers/port.js';
import { apiRoutes } from './api.js';
import { ApiError, notFound } from './api-error.js';
import type { Context } from './context.js';
import { createInstruments } from './instruments.js';
import { OPERATIONS } from './operations.js';
import { pageFiles } from './page-files.js';
import { securityHeaders } from './security.js';

/** How often one address may ask anything of the API: a page that shows much asks some ten times at once. */
const ASKING = { burst: 600, perSecond: 100 };

/** The dashboard over HTTP: health and metrics, the API, the page; every error is JSON that says what to do. */
export function createDashboardApp(context: Context, clock: Clock, log: Logger): Express {
  const { reader, journal, broker } = context;
  const { registry, timing } = createInstruments(reader);
  const app = createApp();
  app.set('query parser', 'simple');
  app.use(securityHeaders);
  const problems = () => [...reader.problems(), journal?.problem(), broker.problem];
  addHealthRoutes(app, registry, () => problems().filter((one) => one !== undefined));
  app.use('/api', timing, sameOriginOnly, rateLimit(ASKING, clock), apiRoutes(OPERATIONS, context, clock));
  app.use(pageFiles());
  app.use(() => {
    throw notFound('there is nothing here; the dashboard is at /');
  });
  app.use(errorAnswers(log));
  return app;
}

function errorAnswers(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    // The client went away, or the answer has begun: only cutting it off can say that it failed.
    if (response.destroyed || response.headersSent) {
      if (!response.destroyed) response.destroy();
      log.debug({ path: request.path, reason: describeError(error) }, 'an answer was not finished');
      return;
    }
    const { status, code, message } = explain(error);
    if (status === 500) log.error({ path: request.path, reason: describeError(error) }, 'a request failed');
    // A download that failed before its first byte is not a file.
    response.removeHeader('Content-Disposition');
    response.status(status).json({ error: { code, message } });
  };
}

function explain(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ApiError) return error;
  if (error instanceof QueryError) return { status: 400, code: 'bad_request', message: error.message };
  if (error instanceof SinkNotSetError) return { status: 501, code: 'sink_not_supported', message: error.message };
  if (error instanceof RetryableError) return { status: 503, code: error.code, message: error.message };
  // An error of express itself, such as for a path with a broken percent sign, or for a body that is too large.
  const { status } = error as { status?: number };
  if (status !== undefined && status >= 400 && status < 500) {
    return { status, code: 'bad_request', message: 'the request cannot be understood' };
  }
  return { status: 500, code: 'internal', message: 'the dashboard failed to answer; its log says why' };
}
