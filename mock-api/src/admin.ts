import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type Response } from 'express';
import type { Crm } from './crm.js';
import type { Pace } from './pace.js';
import { badRequest, quote } from './problem.js';
import { isoTime } from './records.js';
import { inChunks, truthDocument, truthLines } from './truth.js';

/** They are applied in one go, so a larger number would keep everyone else waiting for seconds. */
const MOST_CHANGES = 100_000;

/** What a test or an audit does to the CRM, and asks of it; a client of the API never comes here. */
export function addAdminRoutes(app: Express, crm: Crm, pace: Pace): void {
  app.get('/admin/truth', (_request, response) => stream(response, 'application/json', truthDocument(crm)));

  /** So many changes at once, also while paused. Answers which records changed, in order. */
  app.post('/admin/changes', (request, response) => {
    response.json(crm.change(parseCount(request.query.count ?? '1')));
  });

  app.post('/admin/pause', (_request, response) => {
    pace.paused = true;
    response.json({ paused: true });
  });

  app.post('/admin/resume', (_request, response) => {
    pace.paused = false;
    response.json({ paused: false });
  });

  for (const collection of [crm.customers, crm.products]) {
    const { name } = collection;
    app.get(`/admin/truth/${name}`, (_request, response) =>
      stream(response, 'application/x-ndjson', truthLines(collection)),
    );

    /** Any JSON, whatever the content type says; see {@link Crm.put}. */
    app.put(`/admin/${name}/:key`, express.text({ type: () => true, limit: '64mb' }), (request, response) => {
      const { entry, created } = crm.put(name, request.params.key, readJson(request.body));
      response.status(created ? 201 : 200).json({ key: entry.key, version: isoTime(entry.stamp) });
    });
  }
}

async function stream(response: Response, type: string, pieces: Iterable<string>): Promise<void> {
  response.set('Content-Type', `${type}; charset=utf-8`);
  try {
    await pipeline(Readable.from(inChunks(pieces)), response);
  } catch (error) {
    // A client that hangs up in the middle has what it wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function parseCount(value: unknown): number {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : -1;
  if (count >= 0 && count <= MOST_CHANGES) return count;
  throw badRequest('count_invalid', `count must be a whole number up to ${MOST_CHANGES}, not ${quote(value)}`);
}

/** The JSON of a body as it was sent, but in one line (its strings hold no line breaks: those are escaped). */
function readJson(body: unknown): string {
  const text = typeof body === 'string' ? body.trim() : '';
  try {
    JSON.parse(text);
  } catch (error) {
    throw badRequest('body_invalid', `the body must be one JSON value: ${(error as Error).message}`);
  }
  return text.replaceAll(/[\r\n]+/g, ' ');
}
