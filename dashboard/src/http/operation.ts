import type { Rate } from '@tributary/shared';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Load } from '../access/places.js';
import type { Role } from '../access/roles.js';
import type { Actor } from '../audit/audit.js';
import { ApiError } from './api-error.js';
import type { Context } from './context.js';
import { type Parameters, readBody, readParams, readQuery, type ValuesOf } from './parameters.js';
import type { Body, Route } from './route.js';

/** A body of another type than JSON, which the handler writes to the response itself. */
type MediaType = `${string}/${string}`;

/** A JSON body of this schema, which the handler returns; or a media type; or no body at all. */
export type Answer = z.ZodType | MediaType | 'none';

/** One operation of the API: a route under `/api` of the page's own origin, with its documentation. */
export interface Operation extends Pick<Route, 'method' | 'body' | 'rate' | 'load' | 'check' | 'handle'> {
  /** What follows `/api`, with parameters in braces. */
  readonly path: string;
  readonly summary: string;
  /** Who may ask for it; `open`: also a person who may not read. */
  readonly role: Role | 'open';
  readonly params: Parameters;
  readonly query: Parameters;
  readonly answer: Answer;
  /** The status of an answer that is not an error. */
  readonly status: number;
}

/** One request, checked. */
export interface Call<Params, Query, Sent> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Sent;
  readonly request: Request;
  readonly response: Response;
  readonly actor: Actor;
  /** Aborts when the client goes away, so that a search for it ends. */
  readonly signal: AbortSignal;
}

type None = Record<never, z.ZodType>;
type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;
/** What a handler returns: the JSON that is sent. Without a schema, what it returns is not used. */
type Answered<A extends Answer> = A extends z.ZodType ? ReadonlyDeep<z.input<A>> : unknown;

/** An {@link Operation} as its file states it. What bounds it has to be stated. */
export interface OperationSpec<P extends Parameters, Q extends Parameters, B extends z.ZodType, A extends Answer>
  extends Pick<Operation, 'method' | 'path' | 'summary' | 'role'> {
  readonly params?: P;
  readonly query?: Q;
  readonly body: Body<B> | 'none';
  readonly rate: Rate;
  readonly load: Load | 'light';
  readonly answer: A;
  /** 200 unless given. */
  readonly status?: number;
  readonly handler: (
    call: Call<ValuesOf<P>, ValuesOf<Q>, z.output<B>>,
    context: Context,
  ) => Answered<A> | Promise<Answered<A>>;
}

export function operation<
  A extends Answer,
  P extends Parameters = None,
  Q extends Parameters = None,
  B extends z.ZodType = z.ZodUndefined,
>({ handler, ...spec }: OperationSpec<P, Q, B, A>): Operation {
  const { params = {} as P, query = {} as Q, body, answer, status = 200 } = spec;
  return {
    ...spec,
    params,
    query,
    status,
    check(request) {
      readParams(params, request.params);
      readQuery(query, request);
    },
    async handle(request, response, context) {
      if (spec.role !== 'open') refuseAfterSession(request, context);
      const call = {
        params: readParams(params, request.params),
        query: readQuery(query, request),
        body: (body === 'none' ? undefined : readBody(body.schema, request.body)) as z.output<B>,
        request,
        response,
        actor: context.guard.actorOf(request),
        signal: whileConnected(response),
      };
      // What goes on for long ends with the session that asked for it.
      if (answer !== 'none' && typeof answer === 'string') endWithSession(request, response, context);
      const answered = await handler(call, context);
      if (typeof answer === 'object') response.status(status).json(answered);
      else if (answer === 'none') response.status(status).end();
    },
  };
}

const connected = new WeakMap<Response, AbortSignal>();

/** Aborts when the client goes away, or has gone. */
export function whileConnected(response: Response): AbortSignal {
  const known = connected.get(response);
  if (known !== undefined) return known;
  const controller = new AbortController();
  if (response.destroyed || response.closed) controller.abort();
  response.on('close', () => controller.abort());
  connected.set(response, controller.signal);
  return controller.signal;
}

/** A body may come slowly, and a turn late: the person may have signed out since the guard looked. */
function refuseAfterSession(request: Request, { guard }: Context): void {
  if (!guard.identify(request).isThere()) throw sessionEnded();
}

const sessionEnded = () => new ApiError(401, 'sign_in', 'the session has ended: sign in with a token');

function endWithSession(request: Request, response: Response, { guard }: Context): void {
  const { ended } = guard.identify(request);
  if (ended === undefined) return;
  if (ended.aborted) throw sessionEnded();
  const end = () => response.destroy();
  ended.addEventListener('abort', end, { once: true });
  response.on('close', () => ended.removeEventListener('abort', end));
}
