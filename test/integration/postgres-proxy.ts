import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/**
 * What becomes of a COMMIT on its way to the server. `lose answer`: the server commits, and the connection breaks before
 * the client learns of it. `cut`: the connection breaks before the server has it. `hold`: it waits for `letGo`.
 */
export type AtCommit = 'pass' | 'lose answer' | 'cut' | 'hold';

/** Stands between a client and Postgres. */
export interface PostgresProxy {
  readonly url: string;
  atCommit(what: AtCommit): void;
  /** Resolves when a COMMIT is held. */
  held(): Promise<void>;
  letGo(): void;
  close(): Promise<void>;
}

const COMMIT = Buffer.from('COMMIT\0');

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let what: AtCommit = 'pass';
  let letGo = () => {};
  let { promise: held, resolve: arrive } = gate();

  const server = createServer((client) => {
    const upstream = dial(Number(port || 5432), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      if (what === 'pass' || !chunk.includes(COMMIT)) return void upstream.write(chunk);
      if (what === 'cut') return void client.destroy();
      if (what === 'lose answer') {
        upstream.removeAllListeners('data').once('data', () => client.destroy());
        return void upstream.write(chunk);
      }
      letGo = () => void upstream.write(chunk);
      arrive();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.toString(),
    atCommit(next) {
      what = next;
      ({ promise: held, resolve: arrive } = gate());
    },
    held: () => held,
    letGo() {
      what = 'pass';
      letGo();
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function gate() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
