import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compileShape } from '@tributary/producer';
import {
  compileEntity,
  contentHash,
  describeError,
  type EndpointConfig,
  type EntityConfig,
  type PipelineConfig,
} from '@tributary/shared';
import type { Changes, RecordState } from '../audit/changes.js';
import { UNTOLD } from '../audit/records.js';
import { FOR } from './pipeline.js';

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
  let read: (url: URL, body: string) => void = () => {};

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const condition = request.headers['if-none-match'];
    const headers = condition === undefined ? {} : { 'if-none-match': condition };
    const upstream = await fetch(`${api}${request.url}`, { headers });
    const body = await upstream.text();
    if (upstream.status === 200) read(new URL(upstream.url), body);
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
      const listings = new Map(
        Object.entries(config.endpoints).map(([id, endpoint]) => [
          // Endpoints are called as the collections of the CRM are, wherever the producers read them.
          `/${id}`,
          new Listing(config, endpoint, (record, state) => {
            const known = states.get(record) ?? new Map<string, RecordState>();
            // A record that is gone has the same content each time.
            states.set(record, known.set(`${state.version} ${state.content}`, state));
          }),
        ]),
      );
      read = (url, body) => {
        const id = url.searchParams.get(FOR);
        listings.get(id === null ? url.pathname : `/${id}`)?.read(url, JSON.parse(body) as Listed);
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

interface Listed {
  readonly data: readonly unknown[];
  readonly nextCursor: string | null;
}

/** The states of the records of one endpoint, as its listings tell them. */
class Listing {
  readonly #name: string;
  readonly #entity: ReturnType<typeof compileEntity>;
  readonly #shape: ReturnType<typeof compileShape>;
  readonly #looksForMissing: boolean;
  readonly #note: (id: string, state: RecordState) => void;
  /** The versions of the last listing that came to its end, and of the one that goes on. */
  #before = new Map<string, string>();
  #now = new Map<string, string>();

  constructor(config: PipelineConfig, endpoint: EndpointConfig, note: (id: string, state: RecordState) => void) {
    const entityConfig = config.entities[endpoint.entity] as EntityConfig;
    this.#name = endpoint.entity;
    this.#entity = compileEntity(endpoint.entity, entityConfig);
    this.#shape = compileShape(entityConfig, endpoint, UNTOLD);
    // What follows the CRM for another kind of source tells what is gone as well.
    this.#looksForMissing = endpoint.source !== 'rest' || endpoint.deletes?.missing === true;
    this.#note = note;
  }

  read(url: URL, { data, nextCursor }: Listed): void {
    if (!url.searchParams.has('cursor')) this.#now = new Map();
    for (const raw of data) {
      const { key, version, payload, hash } = this.#entity.decode(this.#shape.of(raw).record);
      this.#note(`${this.#name} ${key}`, { version, payload: payload ?? {}, content: hash });
      this.#now.set(key, version);
    }
    if (!this.#looksForMissing || nextCursor !== null || url.searchParams.has('updated_since')) return;
    for (const [key, version] of this.#before) {
      if (this.#now.has(key)) continue;
      // It was gone after the last version that it had, and before the next that it may get.
      const content = contentHash(this.#name, key, null);
      this.#note(`${this.#name} ${key}`, { version: version.replace(/Z$/, '1Z'), payload: {}, content });
    }
    this.#before = this.#now;
  }
}
