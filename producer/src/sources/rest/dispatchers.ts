import type { LookupFunction } from 'node:net';
import type { EndpointOf } from '@tributary/shared';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { type HttpProxy, type Proxies, proxyFor } from './proxies.js';

/** Where connections may go, for requests that a person has made up on a page: to this server, at addresses that were looked up once. */
export interface Reach {
  readonly origin: string;
  readonly lookup: LookupFunction;
  /** @throws FatalError for any other server */
  refuseOthers(origin: string): void;
}

/** The connections of all endpoints. Endpoints with the same settings share them. */
export class Dispatchers {
  readonly proxies: Proxies;
  readonly #made = new Map<string, Dispatcher>();
  readonly #all: Dispatcher[] = [];

  readonly #reach: Reach | undefined;

  /** @param reach where connections may go; anywhere unless given */
  constructor(proxies: Proxies = {}, reach?: Reach) {
    this.proxies = proxies;
    this.#reach = reach;
  }

  /** @throws Error if a certificate or key is none */
  for({
    tls = {},
    timeouts,
    maxHeaderSize,
  }: Pick<EndpointOf<'rest'>, 'tls' | 'timeouts' | 'maxHeaderSize'>): Dispatcher {
    const key = JSON.stringify([tls, timeouts.connect, maxHeaderSize]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const reach = this.#reach;
    const lookup = reach === undefined ? {} : { lookup: reach.lookup };
    const connect = { timeout: timeouts.connect, ...tls, ...lookup };
    // Headers and body have their time limits with each request.
    const options = { headersTimeout: 0, bodyTimeout: 0, maxHeaderSize };
    const direct = this.#keep(new Agent({ ...options, connect }));
    const through = new Map<HttpProxy, Dispatcher>();
    const agentOf = (proxy: HttpProxy): Dispatcher => {
      const { uri, authorization } = proxy;
      const agent =
        through.get(proxy) ??
        this.#keep(
          new ProxyAgent({
            ...options,
            uri,
            requestTls: connect,
            proxyTls: { timeout: timeouts.connect },
            ...(authorization === undefined ? {} : { token: authorization }),
          }),
        );
      through.set(proxy, agent);
      return agent;
    };
    const made = direct.compose((dispatch) => (asked, handler) => {
      reach?.refuseOthers(String(asked.origin));
      const proxy = proxyFor(this.proxies, String(asked.origin));
      return proxy === undefined ? dispatch(asked, handler) : agentOf(proxy).dispatch(asked, handler);
    });
    this.#made.set(key, made);
    return made;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#all.map((dispatcher) => dispatcher.destroy()));
  }

  #keep<D extends Dispatcher>(dispatcher: D): D {
    this.#all.push(dispatcher);
    return dispatcher;
  }
}
