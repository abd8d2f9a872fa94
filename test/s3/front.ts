import { once } from 'node:events';
import { createServer, type IncomingMessage, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What is answered in the place of the server: a status, or a connection that ends. */
type Instead = { readonly status: number; readonly code: string } | 'cut' | undefined;

/** A request that came by. */
export interface Passed {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
}

/** A way to an S3 server that notes each request, and answers some of them itself. The signatures stay right: they are over the host that was asked. */
export async function startFront(target: string) {
  const { hostname, port } = new URL(target);
  const passed: Passed[] = [];
  let instead: (request: Passed) => Instead | Promise<Instead> = () => undefined;
  const server = createServer((incoming, response) => {
    void (async () => {
      const asked = notedOf(incoming);
      passed.push(asked);
      const answer = await instead(asked);
      if (answer === 'cut') return void incoming.destroy();
      if (answer !== undefined) {
        response.writeHead(answer.status, { 'content-type': 'application/xml' });
        return void response.end(
          `<?xml version="1.0"?><Error><Code>${answer.code}</Code><Message>${answer.code}</Message></Error>`,
        );
      }
      const { method, url: path, rawHeaders: headers } = incoming;
      const outgoing = send({ hostname, port, method, path, headers }, (answered) => {
        response.writeHead(answered.statusCode ?? 0, answered.rawHeaders);
        answered.pipe(response);
      });
      outgoing.on('error', () => incoming.destroy());
      incoming.pipe(outgoing);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    answer: (choose: typeof instead) => {
      instead = choose;
    },
  };
}

function notedOf({ method = '', url = '', headers }: IncomingMessage): Passed {
  return { method, url, range: headers.range };
}
