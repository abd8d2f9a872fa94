import { pipeline } from 'node:stream/promises';
import type { PipelineConfig } from '@tributary/shared';
import { type Request, Router } from 'express';
import type { DeadLetter } from '../dead-letters/letter.js';
import { ApiError, badRequest, notFound } from '../http/api-error.js';
import { whileConnected } from '../http/connected.js';
import type { Journal } from '../trace/journal.js';
import { traceKey } from '../trace/trace.js';
import { sendCsv, sendNdjson } from './download.js';
import { parseRowQuery, parseSelection, text } from './query.js';
import type { DatasetReader } from './readers/port.js';

/** What the page says about where it looks. */
export interface About {
  /** What the sink is, for people: `CSV files in ./output`. */
  readonly sink: string;
  /** Which dashboard answers. */
  readonly instance: string;
}

/** The longest is a merged row's, of two keys. */
const MAX_KEY = 2_100;

export interface DataRoutes {
  readonly reader: DatasetReader;
  readonly about: About;
  readonly config: PipelineConfig;
  readonly journal: Journal | undefined;
  /** The dead letters of a key, as far as they were looked at. */
  readonly deadLettersOf: (key: string) => Promise<readonly DeadLetter[]>;
}

/**
 * Everything the page shows, as JSON under `/api`. Names in requests are looked up among the pipeline's datasets and
 * nowhere else.
 */
export function apiRoutes({ reader, about, config, journal, deadLettersOf }: DataRoutes): Router {
  const routes = Router();

  routes.get('/datasets', async (_request, response) => {
    response.json({ ...about, datasets: await reader.list() });
  });

  // Before the route of a dataset itself, which would take the ending for a part of the name.
  for (const [format, send] of Object.entries({ csv: sendCsv, ndjson: sendNdjson })) {
    routes.get(`/datasets/:name.${format}`, async (request: Request<{ name: string }>, response) => {
      const { name } = request.params;
      const selection = parseSelection(request.query);
      const signal = whileConnected(response);
      const download = known(await reader.download(name, selection, signal), name);
      const fileName = selection.view === 'history' ? `${name}-history.${format}` : `${name}.${format}`;
      await send(response, fileName, request.method === 'HEAD' ? undefined : download);
    });
  }

  routes.get('/datasets/:name', async (request, response) => {
    response.json(known(await reader.describe(request.params.name), request.params.name));
  });

  routes.get('/datasets/:name/parts/:part', async (request, response) => {
    const { name, part } = request.params;
    const found = await reader.part(name, part);
    if (found === undefined) throw notFound(`${name.slice(0, 80)} has no part of that name`);
    response.set({
      'Content-Type': 'text/csv; charset=utf-8; header=present',
      'Content-Disposition': `attachment; filename="${part.replaceAll(/[^\w.-]/g, '_')}"`,
      'Content-Length': String(found.bytes),
    });
    await pipeline(found.read(), response);
  });

  routes.get('/datasets/:name/facets', async (request: Request<{ name: string }>, response) => {
    const { name } = request.params;
    const selection = parseSelection(request.query);
    const facets = known(await reader.facets(name, selection, whileConnected(response)), name);
    response.json({ dataset: name, ...selection, facets });
  });

  routes.get('/trace', async (request, response) => {
    const key = text(request.query, 'key');
    if (key === '' || key.length > MAX_KEY) throw badRequest(`key is what to trace: 1 to ${MAX_KEY} characters`);
    const name = text(request.query, 'dataset') || (reader.known()[0]?.name ?? '');
    const sources = { config, reader, journal };
    const trace = known(await traceKey(sources, name, key, whileConnected(response)), name);
    const dead = await deadLettersOf(key).catch(() => []);
    response.json({ ...trace, deadLetters: dead });
  });

  routes.get('/datasets/:name/rows', async (request: Request<{ name: string }>, response) => {
    const { name } = request.params;
    const query = parseRowQuery(request.query);
    const page = known(await reader.rows(name, query, whileConnected(response)), name);
    response.json({ dataset: name, ...query, sort: query.sort ?? null, ...page });
  });

  return routes;
}

/** What `/api` answers when there is no reader for the pipeline's sink. */
export function unsupportedRoutes(message: string): Router {
  const routes = Router();
  routes.use(() => {
    throw new ApiError(501, 'sink_not_supported', message);
  });
  return routes;
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw notFound(`there is no dataset "${name.slice(0, 80)}" in this pipeline`);
  return found;
}
