import { createHash, timingSafeEqual } from 'node:crypto';
import { describeError, FatalError } from '@tributary/shared';
import type { Express, Request, Response } from 'express';
import { type Control, ENDPOINT_COMMANDS } from './control.js';

export interface OperationsOptions {
  readonly control: Control;
  readonly instance: string;
  /** The token for commands; without it, all commands are refused. */
  readonly adminToken: string | undefined;
}

/**
 * Adds the routes for people and programs: `GET /status`, `GET /endpoints`, `GET /endpoints/:id/status`, and, with the admin
 * token as bearer, `POST /endpoints/:id/run|pause|resume|restart|reset`.
 */
export function addOperationRoutes(app: Express, { control, instance, adminToken }: OperationsOptions): void {
  app.get('/status', async (_request, response) => {
    const endpoints = await control.list();
    const count = (state: string) => endpoints.filter((one) => one.state === state).length;
    const states = ['polling', 'waiting', 'paused', 'failing', 'open', 'refused'];
    response.json({
      instance,
      endpoints: endpoints.length,
      held: endpoints.filter(({ producer }) => producer === instance).length,
      states: Object.fromEntries(states.map((state) => [state, count(state)])),
    });
  });

  app.get('/endpoints', async (_request, response) => {
    response.json(await control.list());
  });

  app.get('/endpoints/:id/status', async ({ params: { id } }, response) => {
    const report = await control.report(id);
    if (report === undefined) return unknown(response, id);
    response.json(report);
  });

  for (const command of ENDPOINT_COMMANDS) {
    app.post(`/endpoints/:id/${command}`, async (request: Request<{ id: string }>, response) => {
      if (!isAllowed(request, response, adminToken)) return;
      const { id } = request.params;
      const { since } = request.query;
      try {
        const known = await control.command(id, command, typeof since === 'string' ? since : undefined);
        if (!known) return unknown(response, id);
        // Another producer may have to do it, at its next beat.
        response.status(202).json({ endpoint: id, command, accepted: true });
      } catch (error) {
        const status = error instanceof FatalError ? 400 : 503;
        response.status(status).json({ error: describeError(error) });
      }
    });
  }
}

function isAllowed({ headers }: Request<{ id: string }>, response: Response, adminToken: string | undefined): boolean {
  if (adminToken === undefined || adminToken === '') {
    const error = 'commands are refused: this producer has no ADMIN_TOKEN; set one in its environment, and restart it';
    response.status(403).json({ error });
    return false;
  }
  const [scheme, token = ''] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && isSame(token, adminToken)) return true;
  const error = 'this needs the admin token: Authorization: Bearer <ADMIN_TOKEN>';
  response.status(401).set('WWW-Authenticate', 'Bearer').json({ error });
  return false;
}

/** Compares in constant time, so that the time of an answer says nothing about the token. Digests have equal lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function unknown(response: Response, id: string): void {
  response.status(404).json({ error: `there is no endpoint ${JSON.stringify(id)} that is enabled` });
}
