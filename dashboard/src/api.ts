import { type Request, type Response, Router } from 'express';
import { ApiError, notFound } from './api-error.js';
import { sendCsv } from './download.js';
import { parseRowQuery, parseSelection } from './query.js';
import type { DatasetReader } from './readers/port.js';

/** What the page says about where it looks. */
export interface About {
  /** What the sink is, for people: `CSV files in ./output`. */
  readonly sink: string;
  /** Which dashboard answers. */
  readonly instance: string;
}

/**
 * Everything the page shows, as JSON under `/api`. Names in requests are looked up among the pipeline's datasets and
 * nowhere else.
 */
export function apiRoutes(reader: DatasetReader, about: About): Router {
  const routes = Router();

  routes.get('/datasets', async (_request, response) => {
    response.json({ ...about, datasets: await reader.list() });
  });

  // Before the route of a dataset itself, which would take the ending for a part of the name.
  routes.get('/datasets/:name.csv', async (request, response) => {
    const { name } = request.params;
    const selection = parseSelection(request.query);
    const signal = whileConnected(response);
    const download = known(await reader.download(name, selection, signal), name);
    const fileName = selection.view === 'history' ? `${name}-history.csv` : `${name}.csv`;
    await sendCsv(response, fileName, request.method === 'HEAD' ? undefined : download);
  });

  routes.get('/datasets/:name', async (request, response) => {
    response.json(known(await reader.describe(request.params.name), request.params.name));
  });

  routes.get('/datasets/:name/rows', async (request: Request<{ name: string }>, response) => {
    const { name } = request.params;
    const query = parseRowQuery(request.query);
    const page = known(await reader.rows(name, query, whileConnected(response)), name);
    response.json({ dataset: name, ...query, ...page });
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

/** Aborts when the client goes away, so that a search nobody waits for ends. */
function whileConnected(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  return controller.signal;
}
