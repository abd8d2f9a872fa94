import { encodedUrl, FatalError } from '@tributary/shared';
import { basic, userOf } from './auth/basic.js';

/** A proxy between the producer and the APIs. */
export interface HttpProxy {
  /** Without a user, for people. */
  readonly url: string;
  /** What its connections are made by: a user of a SOCKS proxy is in here. */
  readonly uri: string;
  /** The `Proxy-Authorization` header; undefined if the variable names no user. */
  readonly authorization?: string | undefined;
  /** The environment variable that names it. */
  readonly variable: string;
}

/** The proxies of an environment. */
export interface Proxies {
  readonly http?: HttpProxy | undefined;
  readonly https?: HttpProxy | undefined;
  /** Hosts that are reached without a proxy: names, domains, ports; `*` for all. */
  readonly noProxy?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, in upper or lower case; lower case wins.
 * @throws FatalError for a proxy that cannot be one
 */
export function proxiesOf(env: Environment): Proxies {
  const http = proxyOf(env, 'HTTP_PROXY');
  // As other programs do it, and undici's own agent: the one proxy that is named serves https too.
  const https = proxyOf(env, 'HTTPS_PROXY') ?? http;
  return { http, https, noProxy: named(env, 'NO_PROXY')?.value };
}

/** A variable counts in lower case too, as other programs have it. */
const named = (env: Environment, name: string) =>
  [name.toLowerCase(), name].map((variable) => ({ variable, value: env[variable] ?? '' })).find(({ value }) => value);

function proxyOf(env: Environment, name: string): HttpProxy | undefined {
  const found = named(env, name);
  if (found === undefined) return undefined;
  const { variable, value } = found;
  // Other programs take a host and a port alone.
  const { url, user, password = '' } = userOf(/^[\w+.-]+:\/\//.test(value) ? value : `http://${value}`);
  const scheme = URL.canParse(url) ? new URL(url).protocol : '';
  if (!/^(https?|socks5?):$/.test(scheme)) {
    const message = `${variable} is no address of a proxy: expected something like http://user:password@proxy.example.org:3128`;
    throw new FatalError('proxy_invalid', message);
  }
  const authorization = user === undefined ? undefined : basic(user, password);
  const plain = `${scheme}//${new URL(url).host}`;
  return { url: plain, uri: scheme.startsWith('socks') ? encodedUrl(value) : plain, authorization, variable };
}

/** The proxy by way of which an origin such as `https://api.example.org` is asked; undefined for none. */
export function proxyFor({ http, https, noProxy = '' }: Proxies, origin: string): HttpProxy | undefined {
  const { hostname, protocol, port } = new URL(origin);
  const proxy = protocol === 'https:' ? https : http;
  if (proxy === undefined || isLoopback(hostname)) return undefined;
  const usual = protocol === 'https:' ? '443' : '80';
  return isExcepted(hostname.toLowerCase(), port || usual, noProxy) ? undefined : proxy;
}

/** This machine itself. A proxy elsewhere would ask its own machine instead, whatever NO_PROXY says. */
export const isLoopback = (hostname: string): boolean =>
  /^(?:.+\.)?localhost\.?$/i.test(hostname) ||
  /^127\.\d+\.\d+\.\d+$/.test(hostname) ||
  /^\[::(?:1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\]$/i.test(hostname);

/** Entries are hosts, which stand for their subdomains too, with or without a port; `*` alone is every host. */
function isExcepted(hostname: string, port: string, noProxy: string): boolean {
  if (noProxy.trim() === '*') return true;
  return noProxy.split(/[,\s]+/).some((entry) => {
    const [, name = '', only] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
    const domain = name.replace(/^\*?\./, '').toLowerCase();
    if (domain === '' || (only !== undefined && only !== port)) return false;
    return hostname === domain || hostname.endsWith(`.${domain}`);
  });
}

/** How an error names a proxy. */
export const describeProxy = ({ url, variable }: HttpProxy): string =>
  `by way of the proxy ${url} that ${variable} names`;
