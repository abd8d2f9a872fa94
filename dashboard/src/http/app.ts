import {
  addHealthRoutes,
  type Clock,
  createApp,
  describeError,
  type Logger,
  type PipelineConfig,
  RetryableError,
} from '@tributary/shared';
import type { ErrorRequestHandler, Express } from 'express';
import { type AccessOptions, Guard, sameOriginOnly } from '../access/guard.js';
import { rateLimit } from '../access/rate-limit.js';
import { sessionRoutes } from '../access/routes.js';
import type { AuditLog } from '../audit/audit.js';
import { auditRoutes } from '../audit/routes.js';
import { pipelineRoutes } from '../data/pipeline-routes.js';
import { type DatasetReader, QueryError } from '../data/readers/port.js';
import { type About, apiRoutes, unsupportedRoutes } from '../data/routes.js';
import type { DeadLetters } from '../dead-letters/dead-letters.js';
import { Listing } from '../dead-letters/listing.js';
import { deadLetterRoutes } from '../dead-letters/routes.js';
import { actRoutes } from '../endpoints/routes.js';
import type { Live } from '../flow/live.js';
import type { Observer } from '../flow/observer.js';
import { flowRoutes } from '../flow/routes.js';
import type { Journal } from '../trace/journal.js';
import { ApiError, notFound } from './api-error.js';
import { createInstruments } from './instruments.js';
import { openApiDocument } from './openapi/document.js';
import { pageFiles } from './page-files.js';
import { securityHeaders } from './security.js';

export interface AppOptions {
  readonly access: AccessOptions;
  readonly deadLetters: DeadLetters;
  readonly audit: AuditLog;
  readonly config: PipelineConfig;
  readonly live: Live;
  readonly observer: Observer;
  readonly producers: () => readonly string[];
  readonly producerToken: string | undefined;
  readonly mockApi: () => string | undefined;
  readonly clock: Clock;
  /** Undefined if there is no adapter for the pipeline's sink. */
  readonly reader: DatasetReader | undefined;
  /** Undefined if nobody has told where it is. */
  readonly journal: Journal | undefined;
  readonly about: About;
  /** What to say when there is no reader. */
  readonly unsupported: string;
  readonly log: Logger;
}

/** The dashboard over HTTP: health and metrics, the API, the page; every error is JSON that says what to do. */
export function createDashboardApp(options: AppOptions): Express {
  const { reader, about, unsupported, log, clock, deadLetters, access, audit } = options;
  const guard = new Guard(access);
  const { registry, timing } = createInstruments(reader);
  const app = createApp();
  app.set('query parser', 'simple');
  app.use(securityHeaders);
  addHealthRoutes(app, registry, () => reader?.problems() ?? [unsupported]);
  app.use('/api', timing, sameOriginOnly, rateLimit({ burst: 600, perSecond: 100, clock }));
  const document = openApiDocument();
  app.get('/api/openapi.json', (_request, response) => {
    response.json(document);
  });
  app.use('/api', sessionRoutes(access, guard, clock), guard.needs('viewer'));
  const listing = new Listing(deadLetters, clock);
  const deadLettersOf = (key: string) => listing.ofKey(key, AbortSignal.timeout(5_000));
  app.use('/api/dead-letters', deadLetterRoutes({ deadLetters, listing, guard, clock }));
  app.use('/api/audit', auditRoutes(audit));
  app.use('/api/pipeline', pipelineRoutes(options.config));
  const { config, producers, producerToken, mockApi } = options;
  app.use('/api', actRoutes({ config, guard, audit, clock, producers, producerToken, mockApi }));
  app.use('/api', flowRoutes(options.live, options.observer));
  app.use(
    '/api',
    reader === undefined
      ? unsupportedRoutes(unsupported)
      : apiRoutes({ reader, about, config: options.config, journal: options.journal, deadLettersOf }),
  );
  app.use(pageFiles());
  app.use(() => {
    throw notFound('there is nothing here; the dashboard is at /');
  });
  app.use(errorAnswers(log));
  return app;
}

function errorAnswers(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    // The visitor went away, or the answer is under way already: only cutting it off can say that it failed.
    if (response.destroyed || response.headersSent) {
      if (!response.destroyed) response.destroy();
      log.debug({ path: request.path, reason: describeError(error) }, 'an answer was not finished');
      return;
    }
    const { status, code, message } = explain(error);
    if (status === 500) log.error({ path: request.path, reason: describeError(error) }, 'a request failed');
    // A download that failed before its first byte is no file.
    response.removeHeader('Content-Disposition');
    response.status(status).json({ error: { code, message } });
  };
}

function explain(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ApiError) return error;
  if (error instanceof QueryError) return { status: 400, code: 'bad_request', message: error.message };
  if (error instanceof RetryableError) return { status: 503, code: error.code, message: error.message };
  // What express itself refuses, such as a path with a broken percent sign.
  const { status } = error as { status?: number };
  if (status !== undefined && status >= 400 && status < 500) {
    return { status, code: 'bad_request', message: 'the request cannot be understood' };
  }
  return { status: 500, code: 'internal', message: 'the dashboard failed to answer; its log says why' };
}
