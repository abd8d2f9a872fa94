import type { Clock } from '@tributary/shared';
import type { Express, Request, Response } from 'express';
import type { Collection, Entry } from './collection.js';
import { sendConditionally } from './conditional.js';
import type { Crm } from './crm.js';
import { cursorTo, readListingQuery } from './listing.js';
import type { MockMetrics } from './metrics.js';
import { Problem, quote } from './problem.js';

/**
 * What a client of the CRM sees: `GET /customers` and `GET /products` (`{"data": [...], "nextCursor": "..." or null}`),
 * and one record at `GET /customers/:id` and `GET /products/:sku`.
 */
export function addApiRoutes(app: Express, crm: Crm, clock: Pick<Clock, 'now'>, metrics: MockMetrics): void {
  for (const collection of [crm.customers, crm.products]) {
    const { name } = collection;
    app.use(`/${name}`, (request, response, next) => {
      response.on('finish', () => {
        metrics.responses.inc({ collection: name, status: hungUp(request) ? 'aborted' : response.statusCode });
      });
      next();
    });

    app.get(`/${name}`, (request, response) => {
      const { from, limit } = readListingQuery(name, request.query);
      const { entries, next } = collection.page(from, limit);
      const nextCursor = next === undefined ? null : cursorTo(name, next);
      const data = entries.map(({ text }) => text).join(',');
      noteWhenServed(request, response, collection, entries);
      sendConditionally(request, response, `{"data":[${data}],"nextCursor":${JSON.stringify(nextCursor)}}`);
    });

    app.get(`/${name}/:key`, (request, response) => {
      const entry = collection.find(request.params.key);
      if (entry === undefined) throw new Problem(404, 'not_found', `/${name} has no ${quote(request.params.key)}`);
      noteWhenServed(request, response, collection, [entry]);
      sendConditionally(request, response, entry.text);
    });
  }

  /**
   * A record counts as served once its response has gone out in full: not for a client that hung up before, nor for
   * HEAD. A 304 counts, since the client says that it holds these bytes.
   */
  function noteWhenServed(request: Request, response: Response, collection: Collection, entries: readonly Entry[]) {
    if (request.method !== 'GET') return;
    response.on('finish', () => {
      if (hungUp(request)) return;
      collection.served.note(entries, clock.now());
      if (response.statusCode === 200) metrics.served.inc({ collection: collection.name }, entries.length);
    });
  }
}

/** Whether the client closed before the end. A response is "finished" for Node also when its socket died under it. */
const hungUp = (request: Request): boolean => request.socket.destroyed;
