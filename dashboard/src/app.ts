import { fileURLToPath } from 'node:url';
import { addHealthRoutes, createApp, describeError, type Logger, RetryableError } from '@tributary/shared';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { type About, apiRoutes, unsupportedRoutes } from './api.js';
import { ApiError, notFound } from './api-error.js';
import { createInstruments } from './instruments.js';
import type { DatasetReader } from './readers/port.js';
import { securityHeaders } from './security.js';

/** Beside `src` and beside `dist`, wherever this module was loaded from. */
const PUBLIC = fileURLToPath(new URL('../public', import.meta.url));

export interface AppOptions {
  /** Undefined if there is no adapter for the pipeline's sink. */
  readonly reader: DatasetReader | undefined;
  readonly about: About;
  /** What to say when there is no reader. */
  readonly unsupported: string;
  readonly log: Logger;
}

/** The dashboard over HTTP: health and metrics, the API, the page; every error is JSON that says what to do. */
export function createDashboardApp({ reader, about, unsupported, log }: AppOptions): Express {
  const { registry, timing } = createInstruments(reader);
  const app = createApp();
  app.set('query parser', 'simple');
  app.use(securityHeaders);
  addHealthRoutes(app, registry, () => reader?.problems() ?? [unsupported]);
  app.use('/api', timing, reader === undefined ? unsupportedRoutes(unsupported) : apiRoutes(reader, about));
  app.use(express.static(PUBLIC, { cacheControl: false, dotfiles: 'ignore', redirect: false }));
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
  if (error instanceof RetryableError) return { status: 503, code: error.code, message: error.message };
  // What express itself refuses, such as a path with a broken percent sign.
  const { status } = error as { status?: number };
  if (status !== undefined && status >= 400 && status < 500) {
    return { status, code: 'bad_request', message: 'the request cannot be understood' };
  }
  return { status: 500, code: 'internal', message: 'the dashboard failed to answer; its log says why' };
}
