import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import type { Registry } from './metrics.js';

/** What keeps a service from working now, in words; empty when the service is ready. */
export type Readiness = () => readonly string[];

/**
 * Adds the three paths that every service has:
 * `/healthz` (the process runs), `/readyz` (it can do its work; 503 with the reasons if not), `/metrics` (Prometheus).
 */
export function addHealthRoutes(app: Express, registry: Registry, readiness: Readiness): Express {
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    const problems = readiness();
    response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

/** An Express application with only the health paths. */
export function healthApp(registry: Registry, readiness: Readiness): Express {
  return addHealthRoutes(createApp(), registry, readiness);
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
 * Serves an application.
 * @param port 0 for any free one
 * @throws the listen error (EADDRINUSE and so on), naming the port
 */
export async function listen(app: Express, port: number, host = '127.0.0.1'): Promise<Listening> {
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) {
    throw new Error(`cannot listen on port ${port}: PORT must be a number from 0 to 65535`);
  }
  const server: Server = app.listen(port, host);
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
