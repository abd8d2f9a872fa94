import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { describeError } from '../errors.js';
import { boundConnections, type ConnectionBounds } from './connections.js';
import { inOrder } from './in-order.js';
import type { Registry } from './metrics.js';
import {
  addRoutes,
  aliveRoutes,
  healthRoutes,
  hostProblem,
  type Readiness,
  type ServiceGuard,
  type ServiceRoute,
} from './routes.js';
import { withoutPasswords } from './safe-text.js';

/** An application with the paths that every service has, and those of its own, each behind the guard. */
export function serviceApp(
  registry: Registry,
  readiness: Readiness,
  guard: ServiceGuard,
  more: readonly ServiceRoute[] = [],
): Express {
  const app = createApp();
  app.use(oneHost);
  addRoutes(app, guard, [...healthRoutes(registry, readiness), ...more]);
  app.use(nothingHere, failed);
  return app;
}

/** An application for a port that strangers reach: what it is for, and what a balancer asks for. */
export function doorApp(readiness: Readiness, guard: ServiceGuard, routes: readonly ServiceRoute[]): Express {
  const app = createApp();
  app.use(oneHost);
  addRoutes(app, guard, [...aliveRoutes(readiness), ...routes]);
  app.use(nothingHere, failed);
  return app;
}

/** Express's own answers are pages, and hold the stack of an error: they would tell a client without a token where our files are. */
const nothingHere: RequestHandler = (_request, response) => answerError(response, 404, 'there is nothing here');

const oneHost: RequestHandler = (request, response, next) => {
  const problem = hostProblem(request);
  if (problem !== undefined) return answerError(response, 400, problem);
  next();
};

const failed: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  // Only cutting the answer off can say that it failed.
  if (response.headersSent) return void response.destroy();
  const { status } = error as { status?: number };
  // An error of Express itself, such as for a path with a broken percent sign: no guard has looked at the request.
  if (status !== undefined && status >= 400 && status < 500) {
    return answerError(response, status, 'the request cannot be understood');
  }
  answerError(response, 500, withoutPasswords(describeError(error)));
};

function answerError(response: Response, status: number, error: string): void {
  response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  response.status(status).json({ error });
}

export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  return app;
}

/** An HTTP server that is listening, and how to stop it. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Far more connections than are needed: without a bound, clients that only connect take every file handle of the process, also those of its
 * work. And a minute, in which any client takes something of its answer; within it, answers of some kilobytes to all of them would be more
 * than the memory.
 */
const BOUNDS: ConnectionBounds = { most: 5_000, unread: 60_000, untaken: 64 * 1024 * 1024 };

/**
 * Milliseconds for which an idle connection stays open: longer than proxies and balancers keep theirs (mostly 60 s). With Node's 5 s
 * a request that a proxy sends as the connection is closed is answered with 502.
 */
const KEEP_ALIVE = 75_000;

/** Answers what is not HTTP, or too large a head, before any application sees it: with no more than the status, and as little to keep. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  const headers =
    'Connection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff';
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n`);
}

/**
 * Serves an application.
 * @param port 0 for any free one
 * @throws the listen error (EADDRINUSE and so on), naming the port
 */
export async function listen(app: Express, port: number, host = '127.0.0.1', bounds = BOUNDS): Promise<Listening> {
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) {
    throw new Error(`cannot listen on port ${port}: PORT must be a number from 0 to 65535`);
  }
  const server = createServer(inOrder(app)).listen(port, host);
  boundConnections(server, bounds);
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  server.keepAliveTimeout = KEEP_ALIVE;
  // Node leaves out what comes behind a thousand headers, in silence: such as those by which a proxy says that it is one. Their bytes are
  // bounded all the same.
  server.maxHeadersCount = 0;
  server.on('clientError', refuseUnreadable);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const remedy = taken ? '; set PORT to one that is free' : '';
    throw new Error(`cannot listen on ${host}:${port}: ${(cause as Error).message}${remedy}`, { cause });
  }
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${address.port}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      // Streams (server-sent events, keep-alive) would hold the server open for ever.
      server.closeAllConnections();
      await closed;
    },
  };
}
