import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Rate } from '../access/rate-limit.js';
import type { Role } from '../access/roles.js';
import type { Actor } from '../audit/audit.js';
import type { Context } from './context.js';
import { type Parameters, readBody, readParams, readQuery, type ValuesOf } from './parameters.js';

/** A body of another type than JSON, which the handler writes to the response itself. */
type MediaType = `${string}/${string}`;

/** A JSON body of this schema, which the handler returns; or a media type; or no body at all. */
export type Answer = z.ZodType | MediaType | 'none';

/** A JSON body that an operation takes. */
export interface Body<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** Bytes; a larger body is refused before it is parsed. */
  readonly limit: number;
}

/** One operation of the API. Its route (with guard, limits and checks of what is sent) and its documentation are made from it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** What follows `/api`, with parameters in braces. */
  readonly path: string;
  readonly summary: string;
  /** Who may ask for it; `open`: also a person who may not read. */
  readonly role: Role | 'open';
  readonly params: Parameters;
  readonly query: Parameters;
  readonly body: Body | undefined;
  /** How often one address may ask, beside the limit of the whole API. Operations that share this object share its count. */
  readonly rate: Rate | undefined;
  readonly answer: Answer;
  /** The status of an answer that is not an error. */
  readonly status: number;
  /** Checks what was sent, does the work and answers. */
  readonly handle: (request: Request, response: Response, context: Context) => Promise<void>;
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

/** An {@link Operation} as its file states it. */
export interface OperationSpec<P extends Parameters, Q extends Parameters, B extends z.ZodType, A extends Answer>
  extends Pick<Operation, 'method' | 'path' | 'summary' | 'role'> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: Body<B>;
  readonly rate?: Rate;
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
  const { params = {} as P, query = {} as Q, body, rate, answer, status = 200 } = spec;
  return {
    ...spec,
    params,
    query,
    body,
    rate,
    status,
    async handle(request, response, context) {
      const call = {
        params: readParams(params, request.params),
        query: readQuery(query, request.query),
        body: (body === undefined ? undefined : readBody(body.schema, request.body)) as z.output<B>,
        request,
        response,
        actor: context.guard.actorOf(request),
        signal: whileConnected(response),
      };
      const answered = await handler(call, context);
      if (typeof answer === 'object') response.status(status).json(answered);
      else if (answer === 'none') response.status(status).end();
    },
  };
}

function whileConnected(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  return controller.signal;
}
