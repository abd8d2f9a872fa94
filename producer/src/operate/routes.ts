import { describeError, FatalError, hasBody, type LogLine, printable, type ServiceRoute } from '@tributary/shared';
import type { Request, Response } from 'express';
import { type Control, ENDPOINT_COMMANDS, type ResetFrom } from './control.js';

export interface OperationsOptions {
  readonly control: Control;
  readonly instance: string;
  /** The newest lines of the log about an endpoint, the oldest first. */
  readonly lines: (endpoint: string) => readonly LogLine[];
}

const STATES = ['polling', 'waiting', 'paused', 'failing', 'open', 'refused'];

/**
 * The routes for people and programs: `GET /status`, `GET /endpoints`, `GET /endpoints/:id/status`, `GET /endpoints/:id/log`, and, with the admin
 * token as bearer, `POST /endpoints/:id/run|pause|resume|restart|reset`.
 */
export const operationRoutes = ({ control, instance, lines }: OperationsOptions): readonly ServiceRoute[] => [
  {
    method: 'get',
    path: '/status',
    role: 'reader',
    async handle(_request, response) {
      const endpoints = await control.list();
      const count = (state: string) => endpoints.filter((one) => one.state === state).length;
      response.json({
        instance,
        endpoints: endpoints.length,
        held: endpoints.filter(({ producer }) => producer === instance).length,
        states: Object.fromEntries(STATES.map((state) => [state, count(state)])),
        // An outage is told while it lasts: a poll that tries again has not failed yet.
        retrying: endpoints.flatMap(({ retrying }) => retrying ?? []),
      });
    },
  },
  {
    method: 'get',
    path: '/endpoints',
    role: 'reader',
    handle: async (_request, response) => response.json(await control.list()),
  },
  {
    method: 'get',
    path: '/endpoints/:id/status',
    role: 'reader',
    async handle({ params }, response) {
      const id = String(params.id);
      const report = await control.report(id);
      if (report === undefined) return unknown(response, id);
      response.json(report);
    },
  },
  {
    method: 'get',
    path: '/endpoints/:id/log',
    role: 'reader',
    async handle({ params }, response) {
      const id = String(params.id);
      if (!control.knows(id)) return unknown(response, id);
      response.json({ instance, lines: lines(id) });
    },
  },
  ...ENDPOINT_COMMANDS.map(
    (command): ServiceRoute => ({
      method: 'post',
      path: `/endpoints/:id/${command}`,
      role: 'admin',
      async handle(request, response) {
        const { params, query } = request;
        const id = String(params.id);
        try {
          // What is meant by it would be left out: a reset without a time begins with the very first record.
          if (hasBody(request))
            throw new FatalError('body_given', 'a command takes no body: since and to stand in the address, as ?to=…');
          const known = await control.command(id, command, resetFrom(query));
          if (!known) return unknown(response, id);
          // Another producer may have to do it, at its next beat.
          response.status(202).json({ endpoint: id, command, accepted: true });
        } catch (error) {
          const status = error instanceof FatalError ? 400 : 503;
          response.status(status).json({ error: describeError(error) });
        }
      },
    }),
  ),
];

/** Of two times neither is meant; to begin from the very first record instead is not meant either, nor with a name that is misspelled. */
function resetFrom({ since, to, ...others }: Request['query']): ResetFrom {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    const shown = printable(unknown.slice(0, 40));
    throw new FatalError('parameter_unknown', `there is no parameter ${shown}; a reset takes since or to`);
  }
  if (Array.isArray(since) || Array.isArray(to) || (since !== undefined && to !== undefined)) {
    throw new FatalError('since_twice', 'since is given more than once, or to, or both of them: only one can be meant');
  }
  if (since === '' || to === '')
    throw new FatalError('since_empty', 'since or to is empty: say from where, or leave it out');
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { since: text(since), to: text(to) };
}

function unknown(response: Response, id: string): void {
  response.status(404).json({ error: `there is no endpoint ${JSON.stringify(id)} that is enabled` });
}
