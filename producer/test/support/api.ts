import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Asked {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly path: string;
  readonly body: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
}

export interface Api {
  readonly url: string;
  /** Every request so far. */
  readonly asked: readonly Asked[];
  /** The path and query of every request so far. */
  readonly paths: readonly string[];
  close(): Promise<void>;
}

/** A real HTTP server for one test. The handler is told which request this is, counted from 0. */
export async function startApi(
  handle: (request: Asked, response: ServerResponse, number: number) => void,
  port = 0,
): Promise<Api> {
  const asked: Asked[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const { method = '', url: path = '/', headers } = request;
    const one = { method, path, body, url: new URL(path, 'http://api'), headers };
    asked.push(one);
    handle(one, response, asked.length - 1);
  };
  const server = createServer(async (request, response) => {
    // A request without a body is answered at once, as it always was.
    if (request.method === 'GET') return answer(request, response, '');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    answer(request, response, Buffer.concat(chunks).toString());
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get paths() {
      return asked.map(({ url }) => `${url.pathname}${url.search}`);
    },
    close,
  };
}

export function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
