import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compileEntity, describeError, type PipelineConfig } from '@tributary/shared';
import type { Changes, RecordState } from '../audit/changes.js';

/** Stands between the producers and the API, and remembers every state of every record that went by. */
export interface Recorder extends Changes {
  readonly url: string;
  /** From now on it knows what the answers hold; before, it only passes them on. */
  know(config: PipelineConfig): void;
  stop(): Promise<void>;
}

const PASSED_ON = ['content-type', 'etag', 'last-modified', 'date'];

/** @param api where requests are passed on to */
export async function startRecorder(api: string): Promise<Recorder> {
  const states = new Map<string, Map<string, RecordState>>();
  let read: (path: string, body: string) => void = () => {};

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const condition = request.headers['if-none-match'];
    const headers = condition === undefined ? {} : { 'if-none-match': condition };
    const upstream = await fetch(`${api}${request.url}`, { headers });
    const body = await upstream.text();
    if (upstream.status === 200) read(new URL(upstream.url).pathname, body);
    for (const name of PASSED_ON) {
      const value = upstream.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    response.writeHead(upstream.status).end(body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(502).end(describeError(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    know(config) {
      const entities = new Map(
        Object.values(config.endpoints).map(({ url, entity }) => [
          new URL(url).pathname,
          compileEntity(entity, config.entities[entity] as PipelineConfig['entities'][string]),
        ]),
      );
      read = (path, body) => {
        const entity = entities.get(path);
        if (entity === undefined) return;
        for (const raw of (JSON.parse(body) as { data: unknown[] }).data) {
          const { key, version, payload, hash } = entity.decode(raw);
          const id = `${entity.name} ${key}`;
          const known = states.get(id) ?? new Map<string, RecordState>();
          states.set(id, known.set(hash, { version, payload: payload ?? {}, content: hash }));
        }
      };
    },
    states: (entity, key) => states.get(`${entity} ${key}`)?.values() ?? [],
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
