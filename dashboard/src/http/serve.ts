import type { Clock, Rate } from '@tributary/shared';
import type { Express, Request, RequestHandler, Response } from 'express';
import { ownOriginOnly } from '../access/origin.js';
import { type Load, Places } from '../access/places.js';
import { ASKING, rateLimit } from '../access/rate-limit.js';
import { bodyReader } from './body.js';
import type { Context } from './context.js';
import { whileConnected } from './operation.js';
import type { Route } from './route.js';
import { cutSlowReader } from './slow-readers.js';
import { untilTaken } from './taken.js';

/** Adds the routes of a table, each with all that it states. */
export function serve(app: Express, routes: readonly Route[], context: Context, clock: Clock): void {
  const limitOf = remembering((rate: Rate) => rateLimit(rate, clock));
  const placesOf = remembering((load: Load) => new Places(load));
  for (const route of routes) {
    const { method, path, role, origin, body, rate, load, check, handle } = route;
    // The guard first and the body last: a body is only read from a person who may send it, and only as often as they may.
    const before: RequestHandler[] = [];
    if (origin === 'own') before.push(ownOriginOnly);
    before.push(context.guard.needs(role));
    // How often anything may be asked is counted before the path is looked at.
    if (rate !== ASKING) before.push(limitOf(rate));
    const run = async (request: Request, response: Response) => {
      await handle(request, response, context);
      await untilTaken(response);
    };
    const places = load === 'light' ? undefined : placesOf(load);
    const read = bodyReader(body);
    // Without a body to read, what is wrong is told at once, however many wait for a place.
    const inside = body === 'none' ? [run] : [read, run];
    if (body === 'none') before.push(read, checked(check));
    if (places === undefined) app[method](pathOf(path), ...before, ...inside);
    else app[method](pathOf(path), ...before, inTurn(places, context, inside));
  }
}

const checked =
  (check: Route['check']): RequestHandler =>
  (request, _response, next) => {
    check(request);
    next();
  };

/** Runs the handlers when a place is free, which is taken from before the body is read until the client has the answer. */
function inTurn(
  places: Places,
  { guard, longestAnswer }: Context,
  handlers: readonly RequestHandler[],
): RequestHandler {
  return async (request, response, next) => {
    const connected = whileConnected(response);
    const { share } = guard.identify(request);
    const release = await places.take(share, connected);
    // The client went at the moment at which its turn came: its body never ends, and no event tells of it any more.
    if (connected.aborted) return release();
    // A download alone has some ten listeners.
    response.setMaxListeners(30);
    const endLooks = cutSlowReader(request, response, () => places.othersWait(share));
    // With Postgres it holds a transaction, before which nothing that was deleted can be cleared away.
    const late = setTimeout(() => response.destroy(), longestAnswer);
    let answering = true;
    // A client may go while its body is read: then the handlers never come to their end.
    response.on('close', () => {
      if (answering) setTimeout(release, AFTER_CLIENT).unref();
    });
    try {
      for (const handler of handlers) await called(handler, request, response);
    } catch (error) {
      next(error);
    } finally {
      answering = false;
      endLooks();
      clearTimeout(late);
      release();
    }
  };
}

/** Milliseconds in which a handler ends whose client has gone. */
const AFTER_CLIENT = 5_000;

/** Resolves when a handler is done, whether it calls `next` or returns a promise. */
function called(handler: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    try {
      const running: unknown = handler(request, response, settle);
      if (running instanceof Promise) running.then(() => resolve(), reject);
    } catch (error) {
      reject(error);
    }
  });
}

const pathOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** The same thing for the same key. */
function remembering<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const found = known.get(key) ?? make(key);
    known.set(key, found);
    return found;
  };
}
