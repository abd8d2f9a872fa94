import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stage } from './stage.js';

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** An HTTP server of the test's own. @returns its URL */
export async function serve(stage: Stage, handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    handler(request, response, new URL(request.url ?? '/', 'http://127.0.0.1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.atEnd('the HTTP server', () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
