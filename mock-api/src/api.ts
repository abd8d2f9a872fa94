import type { Clock } from '@tributary/shared';
import type { Express, Request, Response } from 'express';
import type { Collection, Entry } from './collection.js';
import type { Crm } from './crm.js';
import type { Faults } from './faults.js';
import { cursorTo, nextPath, readListingQuery } from './listing.js';
import type { MockMetrics } from './metrics.js';
import { misfortuneOf } from './misfortunes.js';
import { Problem, quote } from './problem.js';
import { send } from './send.js';

const NDJSON = 'application/x-ndjson';

/**
 * What a client of the CRM sees: `GET /customers` and `GET /products` (`{"data": [...], "nextCursor": "..." or null}`, or
 * one record a line for who accepts application/x-ndjson; the next page is in the `Link` header too), and one record at
 * `GET /customers/:id` and `GET /products/:sku`.
 */
export function addApiRoutes(
  app: Express,
  crm: Crm,
  faults: Faults,
  clock: Pick<Clock, 'now'>,
  metrics: MockMetrics,
): void {
  for (const collection of [crm.customers, crm.products]) {
    const { name } = collection;
    let before: readonly Entry[] = [];
    app.use(`/${name}`, (request, response, next) => {
      response.on('finish', () => {
        metrics.responses.inc({ collection: name, status: hungUp(request) ? 'aborted' : response.statusCode });
      });
      next();
    });

    app.get(`/${name}`, (request, response) => {
      const asked = readListingQuery(name, request.query);
      const { moving, duplicated, shuffled } = misfortuneOf(response);
      if (moving) crm.change(1);
      const { entries, next } = collection.page(asked.from, asked.limit, asked.skip);
      const url = new URL(request.originalUrl, 'http://mock');
      const following = next === undefined ? null : nextPath(name, url, asked, next);
      if (following !== null) response.set('Link', `<${following}>; rel="next"`);
      const served = [...(duplicated ? before : []), ...entries];
      before = entries;
      if (shuffled) served.reverse();
      const nextCursor = next === undefined ? null : cursorTo(name, next);
      deliver(request, response, collection, served, () => {
        if (request.accepts(['json', NDJSON]) === NDJSON) return served.map(({ text }) => `${text}\n`).join('');
        const data = served.map(({ text }) => text).join(',');
        const how = asked.nextUrl
          ? `"next":${JSON.stringify(following)}`
          : `"nextCursor":${JSON.stringify(nextCursor)}`;
        return `{"data":[${data}],${how}}`;
      });
    });

    app.get(`/${name}/:key`, (request, response) => {
      const entry = collection.find(request.params.key);
      if (entry === undefined) throw new Problem(404, 'not_found', `/${name} has no ${quote(request.params.key)}`);
      deliver(request, response, collection, [entry], () => entry.text);
    });
  }

  function deliver(
    request: Request,
    response: Response,
    collection: Collection,
    entries: readonly Entry[],
    textOf: () => string,
  ) {
    const { spoil } = misfortuneOf(response);
    const type = request.accepts(['json', NDJSON]) === NDJSON ? NDJSON : 'application/json';
    const sending = { text: textOf(), type, spoil, pause: faults.settings.slowPause };
    if (send(request, response, sending)) noteWhenServed(request, response, collection, entries);
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
