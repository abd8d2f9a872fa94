import type { Rate } from '@tributary/shared';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { RouteRole } from '../access/guard.js';
import type { Origin } from '../access/origin.js';
import type { Load } from '../access/places.js';
import type { Context } from './context.js';

/** A JSON body that a route takes. */
export interface Body<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** Bytes, as they are sent and as they are inflated; a larger body is refused before it is parsed. */
  readonly limit: number;
}

/**
 * One route of the server, with everything that keeps it from harm. The server is made of a table of these and of nothing
 * else, and none of these fields may be left out.
 */
export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** The whole path, with parameters in braces. */
  readonly path: string;
  /** Who may ask for it. */
  readonly role: RouteRole;
  /** Whether pages of other sites may make a browser ask for it. */
  readonly origin: Origin;
  readonly body: Body | 'none';
  /** How often one address may ask. Routes that share this object share its count. */
  readonly rate: Rate;
  /** What costs so much that only a few may run at once; `light` for what does not. Routes that share this object share its places. */
  readonly load: Load | 'light';
  /** Refuses a path or a query that is wrong, before the request waits for a place. @throws ApiError */
  readonly check: (request: Request) => void;
  /** Checks what was sent, does the work and answers. */
  readonly handle: (request: Request, response: Response, context: Context) => unknown;
}
