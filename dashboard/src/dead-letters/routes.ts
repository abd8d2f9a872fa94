import { type Clock, PoisonError } from '@tributary/shared';
import { json, type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Guard } from '../access/guard.js';
import { rateLimit } from '../access/rate-limit.js';
import type { Actor } from '../audit/audit.js';
import { readBody, text, wholeNumber } from '../data/query.js';
import { ApiError, notFound } from '../http/api-error.js';
import { whileConnected } from '../http/connected.js';
import type { DeadLetters } from './dead-letters.js';
import type { LetterMatch } from './letter.js';
import type { Listing } from './listing.js';

const criterion = z.string().max(512).optional();
const match = z.strictObject({
  queue: criterion,
  endpoint: criterion,
  code: criterion,
  field: criterion,
  search: criterion,
});
const reason = z.string().trim().min(3, 'say why in a few words').max(500);
const replayOne = z.strictObject({ payload: z.string().max(20_000_000).optional() });
const discardOne = z.strictObject({ reason });
const replayAll = z.strictObject({ match });
const discardAll = z.strictObject({ match, reason });
const validation = z.strictObject({ entity: z.string().max(100), payload: z.string().max(20_000_000) });

/** A mended record may be as large as RabbitMQ takes it. */
const LARGEST_BODY = '20mb';

export interface DeadLetterRoutes {
  readonly deadLetters: DeadLetters;
  readonly listing: Listing;
  readonly guard: Guard;
  readonly clock: Clock;
}

/** The dead letters over HTTP, under `/api/dead-letters`. */
export function deadLetterRoutes({ deadLetters, listing, guard, clock }: DeadLetterRoutes): Router {
  const routes = Router();
  const body = json({ limit: LARGEST_BODY });
  // Whoever acts by hand is far below this; a loop that runs wild is stopped.
  const acts = rateLimit({ burst: 60, perSecond: 2, clock });
  const actor = (request: Request): Actor => {
    const { name = 'nobody', role = 'viewer' } = guard.personOf(request) ?? {};
    return { name, role, from: request.socket.remoteAddress ?? '' };
  };
  // What is begun is finished although whoever asked has gone: half of an action helps nobody.
  const untilDone = new AbortController().signal;

  routes.get('/', async (request, response) => {
    const range = {
      offset: wholeNumber(request.query, 'offset', 0, 0, 1_000_000),
      limit: wholeNumber(request.query, 'limit', 50, 1, 500),
    };
    if (text(request.query, 'refresh') !== '') listing.forget();
    const asked = parseMatch(request.query);
    response.json({ ...range, ...(await listing.page(asked, range, whileConnected(response))) });
  });

  routes.post('/validate', body, (request, response) => {
    const { entity, payload } = readBody(validation, request.body);
    response.json(judge(deadLetters, entity, payload));
  });

  routes.post('/replay', guard.needs('operator'), acts, body, async (request, response) => {
    const asked = readBody(replayAll, request.body);
    const acted = await deadLetters.replay(asked.match, actor(request), untilDone);
    listing.forget();
    response.json(acted);
  });

  routes.post('/discard', guard.needs('admin'), acts, body, async (request, response) => {
    const asked = readBody(discardAll, request.body);
    const acted = await deadLetters.discard(asked.match, asked.reason, actor(request), untilDone);
    listing.forget();
    response.json(acted);
  });

  routes.get('/:id', async (request, response) => {
    const { id } = request.params;
    const found = await listing.find(id, whileConnected(response));
    if (found === undefined) throw gone();
    const { letter, body: payload, headers } = found;
    response.json({ letter, payload, headers, ...judge(deadLetters, letter.entity, payload) });
  });

  routes.post(
    '/:id/replay',
    guard.needs('operator'),
    acts,
    body,
    async (request: Request<{ id: string }>, response) => {
      const { payload } = readBody(replayOne, request.body);
      const { queue, entity } = await whereIs(request.params.id, response);
      if (payload !== undefined) {
        const { valid, problem } = judge(deadLetters, entity, payload);
        if (!valid) throw new ApiError(422, problem?.code ?? 'invalid', problem?.message ?? 'not valid');
      }
      const acted = await deadLetters.replay({ id: request.params.id, queue }, actor(request), untilDone, payload);
      listing.forget();
      if (acted.done === 0) throw gone();
      response.json(acted);
    },
  );

  routes.post(
    '/:id/discard',
    guard.needs('operator'),
    acts,
    body,
    async (request: Request<{ id: string }>, response) => {
      const asked = readBody(discardOne, request.body);
      const { queue } = await whereIs(request.params.id, response);
      const acted = await deadLetters.discard(
        { id: request.params.id, queue },
        asked.reason,
        actor(request),
        untilDone,
      );
      listing.forget();
      if (acted.done === 0) throw gone();
      response.json(acted);
    },
  );

  async function whereIs(id: string, response: Response) {
    const found = await listing.find(id, whileConnected(response));
    if (found === undefined) throw gone();
    return found.letter;
  }

  return routes;
}

const gone = () => notFound('this dead letter is not there: it was replayed or discarded');

function parseMatch(query: Request['query']): LetterMatch {
  const given = (name: string) => text(query, name).slice(0, 512) || undefined;
  return {
    ...{ queue: given('queue'), endpoint: given('endpoint'), code: given('code'), field: given('field') },
    search: given('search'),
  };
}

/** What the consumer would say to a body. */
function judge(deadLetters: DeadLetters, entity: string, payload: string) {
  try {
    deadLetters.validate(entity, payload);
    return { valid: true, problem: null };
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    const { code, message, field = null } = error;
    return { valid: false, problem: { code, message, field } };
  }
}
