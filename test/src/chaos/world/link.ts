import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a link does with the bytes that come to it. */
export type Weather =
  | { readonly kind: 'fair' }
  /** Each chunk is late by this many milliseconds, and up to `jitter` more. */
  | { readonly kind: 'slow'; readonly latency: number; readonly jitter: number }
  /** Bytes of neither direction come through. Connections stay open; new ones are taken, and nobody answers. */
  | { readonly kind: 'silent' }
  /** The server hears the client, but its answers do not come through. */
  | { readonly kind: 'deaf' };

const FAIR: Weather = { kind: 'fair' };

/**
 * A network between some clients and one server: a TCP proxy whose weather can be changed while connections are open.
 * Bytes that are held back are not lost, as TCP sends them again: they come through when the weather is fair, or the
 * connections are reset.
 */
export interface Link {
  /** The server's URL, with the address of this link. */
  readonly url: string;
  setWeather(weather: Weather): void;
  /** Lets half of the next chunk of each open connection through, and then resets the connection. */
  cut(): void;
  /** Resets every connection. */
  reset(): void;
  close(): Promise<void>;
}

/** @param url the server's own URL. It may be down; then connections are refused */
export async function startLink(url: string): Promise<Link> {
  const target = new URL(url);
  const pairs = new Set<Pair>();
  let weather = FAIR;
  const server = createServer((client) => {
    const pair = new Pair(client, connect(Number(target.port), target.hostname), () => weather);
    pairs.add(pair);
    void pair.closed.then(() => pairs.delete(pair));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = new URL(url);
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    // The URL class adds a slash where there was no path; RabbitMQ would take it for a virtual host without a name.
    url: url.endsWith('/') ? own.href : own.href.replace(/\/$/, ''),
    setWeather(next) {
      weather = next;
      for (const pair of pairs) pair.weatherChanged();
    },
    cut() {
      for (const pair of pairs) pair.cut();
    },
    reset() {
      for (const pair of pairs) pair.reset();
    },
    async close() {
      server.close();
      for (const pair of pairs) pair.reset();
      await once(server, 'close');
    },
  };
}

/** One connection through the link. */
class Pair {
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #weather: () => Weather;
  #isCut = false;
  #isReset = false;
  #wake: (() => void)[] = [];

  constructor(client: Socket, upstream: Socket, weather: () => Weather) {
    this.#client = client;
    this.#upstream = upstream;
    this.#weather = weather;
    this.closed = new Promise((resolve) => client.on('close', () => resolve()));
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.reset());
      socket.on('close', () => this.reset());
    }
    this.#pump(client, upstream, false);
    this.#pump(upstream, client, true);
  }

  weatherChanged(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  cut(): void {
    this.#isCut = true;
  }

  reset(): void {
    // A socket that is reset twice can keep Node from ending.
    if (this.#isReset) return;
    this.#isReset = true;
    for (const socket of [this.#client, this.#upstream]) {
      // libuv refuses to reset a socket that is being shut down, and Node then never closes it: the process would not end.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.weatherChanged();
  }

  /** While a chunk waits, the socket is not read, so the sender's TCP sees that nothing comes through. */
  #pump(from: Socket, to: Socket, isAnswer: boolean): void {
    from.on('data', (chunk: Buffer) => {
      from.pause();
      void this.#passage(isAnswer).then(() => {
        if (to.destroyed) return;
        if (this.#isCut) to.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => this.reset());
        else to.write(chunk, () => from.resume());
      });
    });
    from.on('end', () => void this.#passage(isAnswer).then(() => to.end()));
  }

  /** Resolves when a chunk may go on. */
  async #passage(isAnswer: boolean): Promise<void> {
    for (;;) {
      const weather = this.#weather();
      if (this.#client.destroyed || weather.kind === 'fair') return;
      if (weather.kind === 'slow') return sleep(weather.latency + Math.random() * weather.jitter);
      if (weather.kind === 'deaf' && !isAnswer) return;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}
