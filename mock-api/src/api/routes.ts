import type { Clock } from '@tributary/shared';
import type { Express, Request, Response } from 'express';
import type { Collection, Entry } from '../crm/collection.js';
import type { Crm } from '../crm/crm.js';
import type { Faults } from '../faults/faults.js';
import { faultsOf } from '../faults/inject.js';
import type { MockMetrics } from '../metrics.js';
import { Problem, quote } from '../problem.js';
import { cursorTo, nextPath, readListingQuery } from './listing.js';
import { send } from './send.js';

const NDJSON = 'application/x-ndjson';

/**
 * The API for clients. `GET /customers` and `GET /products` answer `{"data": [...], "nextCursor": "..." or null}`, or one
 * record per line if the client accepts application/x-ndjson; the next page is in the `Link` header too.
 * `GET /customers/:id` and `GET /products/:sku` answer one record.
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
      const { moving, duplicated, shuffled } = faultsOf(response);
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
    const { damage } = faultsOf(response);
    const type = request.accepts(['json', NDJSON]) === NDJSON ? NDJSON : 'application/json';
    const sending = { text: textOf(), type, damage, pause: faults.settings.slowPause };
    if (send(request, response, sending)) noteWhenServed(request, response, collection, entries);
  }

  /**
   * A record counts as served when its response has been sent in full; not if the client hung up before, and not for
   * HEAD. A 304 counts, because the client said that it has these bytes.
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

/** Whether the client hung up before the end. Node calls a response "finished" also if its socket was closed. */
const hungUp = (request: Request): boolean => request.socket.destroyed;
