import type { Express, Request, Response } from 'express';
import { Buckets } from './buckets.js';
import { type Clock, systemClock } from './clock.js';
import type { Registry } from './metrics.js';
import { isNear, type Reading } from './reading.js';
import { bearerOf, isSameToken, isStrong, TOO_MANY_WRONG, WRONG_TOKENS } from './token.js';

/** What keeps a service from working now, in words; empty when the service is ready. */
export type Readiness = () => readonly string[];

/** Who may ask a service: everybody; who may read; who may command. */
export type ServiceRole = 'open' | 'reader' | 'admin';

/** One route of a service. All that it answers is a line of such a table; none takes a body. */
export interface ServiceRoute {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly role: ServiceRole;
  handle(request: Request, response: Response, guard: ServiceGuard): unknown;
}

/** Why a request is refused. */
interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly error: string;
  /** Seconds until it is of use to ask again. */
  readonly after?: number;
}

export interface GuardOptions {
  /** Who may read without a token; those who name this machine unless given. */
  readonly reading?: Reading | undefined;
  readonly readToken?: string | undefined;
  readonly adminToken?: string | undefined;
  readonly clock?: Clock;
}

/** Says who may ask for what, by the tokens of a service. Reading follows the rule of the dashboard (see READING). */
export class ServiceGuard {
  readonly #options: GuardOptions;
  readonly #wrong: Buckets;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#wrong = new Buckets(WRONG_TOKENS, options.clock ?? systemClock);
  }

  refusalOf(request: Request, role: ServiceRole): Refusal | undefined {
    if (role === 'open') return undefined;
    const { readToken, adminToken, reading = 'local' } = this.#options;
    const token = bearerOf(request.get('authorization'));
    if (token !== undefined) return this.#judge(token, role, request.socket.remoteAddress ?? '');
    if (role === 'admin') {
      const missing =
        'commands are refused: this producer has no ADMIN_TOKEN; set one in its environment, and restart it';
      if (!adminToken) return { status: 403, error: missing };
      return { status: 401, error: 'this needs the admin token: Authorization: Bearer <ADMIN_TOKEN>' };
    }
    if (reading === 'open' || (reading === 'local' && isLocal(request))) return undefined;
    if (readToken || adminToken) {
      return { status: 401, error: 'reading needs a token here: Authorization: Bearer <READ_TOKEN>' };
    }
    const remedy = 'set READ_TOKEN, or DASHBOARD_READ=open if every client that can reach this port may read';
    return { status: 403, error: `reading needs a token here, and there is none: ${remedy}` };
  }

  #judge(token: string, role: ServiceRole, address: string): Refusal | undefined {
    const { readToken, adminToken } = this.#options;
    const mayCommand = Boolean(adminToken) && isSameToken(token, adminToken ?? '');
    const mayRead = Boolean(readToken) && isSameToken(token, readToken ?? '');
    const after = this.#wrong.wait(address);
    if (after > 0 && !((mayCommand || mayRead) && isStrong(token))) {
      return { status: 429, error: `${TOO_MANY_WRONG}; try again in ${after} s`, after };
    }
    if (mayCommand) return undefined;
    if (mayRead && role === 'reader') return undefined;
    if (role === 'admin' && !adminToken) {
      const remedy = 'set one in its environment, and restart it';
      return { status: 403, error: `commands are refused: this producer has no ADMIN_TOKEN; ${remedy}` };
    }
    if (!mayRead) this.#wrong.take(address);
    const wanted =
      role === 'admin' ? 'the admin token: Authorization: Bearer <ADMIN_TOKEN>' : 'another token: READ_TOKEN';
    return { status: 401, error: `this needs ${wanted}` };
  }
}

/** What came through a proxy came from another machine, whatever its Host header says. */
const isLocal = (request: Request): boolean => isNear(request.get('host') ?? '') && !isForwarded(request);

/**
 * Whether a proxy sent the request. One that is set up to say nothing of itself, as nginx is at first, names us as the Host; but nginx speaks
 * HTTP/1.0 then, which hardly any other program does.
 */
export const isForwarded = ({ headers, httpVersion }: Pick<Request, 'headers' | 'httpVersion'>): boolean =>
  httpVersion === '1.0' || Object.keys(headers).some((name) => OF_PROXIES.test(name));

/** What proxies, balancers and networks in front of servers add: who asked them, for what, or that they are there. */
const OF_PROXIES =
  /^(?:x-(?:forwarded|original|envoy|azure|arr|amzn|appengine)-?|via$|forwarded$|x-scheme$|proxy-connection$)|(?:client|real|connecting|user|remote|peer)-?(?:ip|addr|address)$/;

/**
 * Why a request is refused that is for one host to a proxy and for another to us: it has two Host headers, or a whole address for its path
 * (RFC 9112, section 3.2).
 */
export function hostProblem({ rawHeaders, originalUrl }: Request): string | undefined {
  if (!originalUrl.startsWith('/')) return 'the request names another address than a path';
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length > 1 ? 'the request has more than one Host header' : undefined;
}

/** Bytes of a body that is read to its end though nothing is done with it, so that the connection can serve the next request. */
const SMALL_BODY = 64 * 1024;

/** Whether a request has so much of a body, or one of unknown length, that it is cheaper to close the connection than to read it. */
export const hasLargeBody = (request: Request): boolean =>
  request.get('transfer-encoding') !== undefined || Number(request.get('content-length') ?? 0) > SMALL_BODY;

/** Adds the routes, each behind the guard. There is no other way to add one. */
export function addRoutes(app: Express, guard: ServiceGuard, routes: readonly ServiceRoute[]): void {
  for (const { method, path, role, handle } of routes) {
    app[method](path, (request: Request, response: Response) => {
      response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
      if (hasLargeBody(request)) response.set('Connection', 'close');
      const refusal = guard.refusalOf(request, role);
      if (refusal === undefined) return handle(request, response, guard);
      const { status, error, after } = refusal;
      if (status === 401) response.set('WWW-Authenticate', 'Bearer');
      if (after !== undefined) response.set('Retry-After', String(after));
      response.status(status).json({ error });
    });
  }
}

/**
 * `/healthz` (the process runs) and `/readyz` (it can do its work; 503 with the reasons if not). Whoever runs the containers needs the
 * status of `/readyz`; the reasons are for readers.
 */
export const aliveRoutes = (readiness: Readiness): readonly ServiceRoute[] => [
  {
    method: 'get',
    path: '/healthz',
    role: 'open',
    handle: (_request, response) => response.json({ status: 'ok' }),
  },
  {
    method: 'get',
    path: '/readyz',
    role: 'open',
    handle(request, response, guard) {
      const problems = readiness();
      const refusal = guard.refusalOf(request, 'reader');
      const told = refusal === undefined || problems.length === 0 ? problems : [refusal.error];
      response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems: told });
    },
  },
];

/** The three paths that every service has: those two, and `/metrics` (Prometheus). */
export const healthRoutes = (registry: Registry, readiness: Readiness): readonly ServiceRoute[] => [
  ...aliveRoutes(readiness),
  {
    method: 'get',
    path: '/metrics',
    role: 'reader',
    handle: async (_request, response) => response.type(registry.contentType).send(await registry.metrics()),
  },
];
