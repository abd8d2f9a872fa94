import type { ServiceRoute } from '@tributary/shared';
import type { Response } from 'express';
import type { Answer, Door } from './door.js';
import type { SentRecords } from './sent-records.js';

/**
 * The doors for events. They are open for the tokens of this service: each sender shows who it is in its own way, and the door checks
 * that.
 */
export const hookRoutes = (door: () => Door | undefined): readonly ServiceRoute[] =>
  (['post', 'get'] as const).map((method) => ({
    method,
    path: '/hooks/:id',
    role: 'open',
    async handle(request, response) {
      const answer = await door()?.take(String(request.params.id), request);
      if (answer === undefined)
        response.status(503).set('Retry-After', '5').json({ error: 'the producer is starting' });
      else send(response, answer, request.complete);
    },
  }));

/** @param isRead whether the body has come to its end, so that the connection can serve the next request */
function send(response: Response, answer: Answer, isRead: boolean): void {
  const { status, reply, error, after, allow } = answer;
  if (isRead) response.removeHeader('Connection');
  else response.set('Connection', 'close');
  if (after !== undefined) response.set('Retry-After', String(after));
  if (allow !== undefined) response.set('Allow', allow);
  if (status === 401) response.set('WWW-Authenticate', 'Bearer');
  response.status(status);
  if (reply !== undefined) response.type(reply.type).send(reply.text);
  else if (error !== undefined) response.json({ error });
  else response.end();
}

/** Records from programs that have the admin token: `POST /records/ENTITY`. */
export const sentRecordsRoute = (records: () => SentRecords | undefined): ServiceRoute => ({
  method: 'post',
  path: '/records/:entity',
  role: 'admin',
  async handle(request, response) {
    const taken = await records()?.take(String(request.params.entity), request);
    if (taken === undefined)
      return response.status(503).set('Retry-After', '5').json({ error: 'the producer is starting' });
    const { status, after, ...told } = taken;
    if (request.complete) response.removeHeader('Connection');
    else response.set('Connection', 'close');
    if (after !== undefined) response.set('Retry-After', String(after));
    return response.status(status).json(told);
  },
});
