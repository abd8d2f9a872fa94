import { Router } from 'express';
import type { Live } from './live.js';
import type { Observer } from './observer.js';

/** What flows: once, as a stream, and over the last hour. */
export function flowRoutes(live: Live, observer: Observer): Router {
  const routes = Router();
  routes.get('/flow', async (_request, response) => {
    response.json(await live.now());
  });
  routes.get('/flow/history', (_request, response) => {
    response.json(observer.history);
  });
  routes.get('/live', (request, response) => live.watch(request, response));
  return routes;
}
