import type { EndpointConfig } from '@tributary/shared';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

/** The proxies between the producer and the APIs, as the environment names them. */
export interface Proxies {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  /** Hosts that are reached without a proxy: names, domains, ports; `*` for all. */
  readonly noProxy?: string | undefined;
}

/** The proxies of an environment: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case; lower case wins. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Proxies {
  const named = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  return { httpProxy: named('HTTP_PROXY'), httpsProxy: named('HTTPS_PROXY'), noProxy: named('NO_PROXY') };
}

/** The connections of all endpoints. Endpoints with the same settings share them. */
export class Dispatchers {
  readonly #proxies: Proxies;
  readonly #made = new Map<string, Dispatcher>();

  constructor(proxies: Proxies = {}) {
    this.#proxies = proxies;
  }

  /** @throws Error if a certificate or key is none */
  for({ tls = {}, timeouts, maxHeaderSize }: Pick<EndpointConfig, 'tls' | 'timeouts' | 'maxHeaderSize'>): Dispatcher {
    const key = JSON.stringify([tls, timeouts.connect, maxHeaderSize]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    // Headers and body have their time limits with each request.
    const options = {
      connect: { timeout: timeouts.connect, ...tls },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize,
    };
    const { httpProxy, httpsProxy, noProxy } = this.#proxies;
    const made =
      httpProxy === undefined && httpsProxy === undefined
        ? new Agent(options)
        : new EnvHttpProxyAgent({
            ...options,
            requestTls: { timeout: timeouts.connect, ...tls },
            // undici reads the environment itself for a setting that is undefined.
            httpProxy: httpProxy ?? '',
            httpsProxy: httpsProxy ?? '',
            noProxy: noProxy ?? '',
          });
    this.#made.set(key, made);
    return made;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#made.values()].map((dispatcher) => dispatcher.destroy()));
  }
}
