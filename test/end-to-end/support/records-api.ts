import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from './stage.js';

/** An API with a list of records under each of some paths, and a query parameter `since` that it heeds. */
export interface RecordsApi {
  readonly url: string;
  /** Every request, with its query, as it came. */
  readonly asked: string[];
  /** What it gives, by path; a test may change it. */
  readonly records: Record<string, readonly { readonly updatedAt: string }[]>;
  /** Paths that are answered 500. */
  readonly fails: Set<string>;
  /** Milliseconds before each answer. */
  delay: number;
  /** Resolves at the next request. */
  untilAsked(): Promise<unknown>;
}

export async function startRecordsApi(stage: Stage, records: RecordsApi['records']): Promise<RecordsApi> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://api');
    const path = url.pathname.slice(1);
    api.asked.push(request.url ?? '');
    server.emit('asked');
    if (api.delay > 0) await sleep(api.delay);
    response.setHeader('content-type', 'application/json');
    if (api.fails.has(path)) response.statusCode = 500;
    const since = url.searchParams.get('since') ?? '';
    response.end(JSON.stringify((api.records[path] ?? []).filter(({ updatedAt }) => updatedAt >= since)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.atEnd('the API of records', () => {
    server.closeAllConnections();
    server.close();
  });
  const api: RecordsApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    records: { ...records },
    fails: new Set(),
    delay: 0,
    untilAsked: () => once(server, 'asked'),
  };
  return api;
}
