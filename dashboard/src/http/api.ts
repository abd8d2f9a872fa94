import type { Clock } from '@tributary/shared';
import { json, type RequestHandler, Router } from 'express';
import { type Rate, rateLimit } from '../access/rate-limit.js';
import type { Context } from './context.js';
import type { Operation } from './operation.js';

/** The routes of all operations, for `/api`. */
export function apiRoutes(operations: readonly Operation[], context: Context, clock: Clock): Router {
  const routes = Router();
  const limits = new Map<Rate, RequestHandler>();
  const limitOf = (rate: Rate): RequestHandler => {
    const known = limits.get(rate) ?? rateLimit(rate, clock);
    limits.set(rate, known);
    return known;
  };
  for (const { method, path, role, rate, body, handle } of operations) {
    // The guard first and the body last: a body is only read from a person who may send it, and only as often as they may.
    const before: RequestHandler[] = [];
    if (role !== 'open') before.push(context.guard.needs(role));
    if (rate !== undefined) before.push(limitOf(rate));
    if (body !== undefined) before.push(json({ limit: body.limit }));
    routes[method](path.replaceAll(/\{(\w+)\}/g, ':$1'), ...before, (request, response) =>
      handle(request, response, context),
    );
  }
  // A person who may not read is not told which paths exist.
  routes.use(context.guard.needs('viewer'));
  return routes;
}
