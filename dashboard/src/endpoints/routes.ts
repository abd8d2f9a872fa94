import { type Clock, describeError, type PipelineConfig, RetryableError } from '@tributary/shared';
import { type Request, Router } from 'express';
import type { Guard } from '../access/guard.js';
import { rateLimit } from '../access/rate-limit.js';
import type { Actor, AuditLog } from '../audit/audit.js';
import { ask } from '../flow/scrape.js';
import { ApiError, notFound } from '../http/api-error.js';

/** What a person may ask of an endpoint here; the producer knows more commands. */
export const COMMANDS = ['run', 'pause', 'resume'] as const;

/** What the mock CRM can be made to suffer, for demonstrations. */
export const SCENARIOS = {
  burst: 'A thousand changes at once',
  'price-shock': 'Every price rises by half',
  'stock-out': 'A third of the items sell out',
  'crm-outage': 'The CRM is down for 30 seconds',
  audit: 'Every record is touched, none changes',
} as const;

/** Milliseconds. A burst takes the mock CRM a moment. */
const TIMEOUT = 10_000;

export interface ActRoutes {
  readonly config: PipelineConfig;
  readonly guard: Guard;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly producers: () => readonly string[];
  /** The producers' own token; they refuse commands without it. */
  readonly producerToken: string | undefined;
  /** The mock CRM's address, in demo mode. */
  readonly mockApi: () => string | undefined;
}

/** Acts on the endpoints and, in demo mode, on the mock CRM. Everything is in the audit log before it is done. */
export function actRoutes({ config, guard, audit, clock, producers, producerToken, mockApi }: ActRoutes): Router {
  const routes = Router();
  const acts = rateLimit({ burst: 30, perSecond: 1, clock });

  routes.get('/scenarios', (_request, response) => {
    const known = mockApi() === undefined ? [] : Object.entries(SCENARIOS);
    response.json({ scenarios: known.map(([name, words]) => ({ name, words })) });
  });

  routes.post('/scenarios/:name', guard.needs('admin'), acts, async (request: Request<{ name: string }>, response) => {
    const { name } = request.params;
    const url = mockApi();
    if (url === undefined) throw notFound('there is no mock CRM here: this is no demonstration');
    if (!Object.hasOwn(SCENARIOS, name)) throw notFound(`there is no scenario "${name.slice(0, 80)}"`);
    const act = await audit.begin(actorOf(request), 'scenario', { scenario: name });
    const outcome = await send(url, `/admin/scenarios/${name}`, {});
    await act.note('done', { scenario: name });
    response.json({ scenario: name, outcome });
  });

  routes.post('/endpoints/:id/:command', guard.needs('operator'), acts, async (request, response) => {
    const { id = '', command = '' } = request.params as { id?: string; command?: string };
    const known = COMMANDS.find((one) => one === command);
    if (known === undefined) throw notFound(`an endpoint can be told to ${COMMANDS.join(', ')}`);
    if (!Object.hasOwn(config.endpoints, id)) throw notFound(`there is no endpoint "${id.slice(0, 80)}"`);
    const [producer] = producers();
    if (producer === undefined) throw new ApiError(503, 'no_producer', 'no producer is known: set PRODUCER_URL');
    if (!producerToken) {
      const message = 'the producer takes commands with its ADMIN_TOKEN only: set the same for the dashboard';
      throw new ApiError(403, 'no_token_set', message);
    }
    const act = await audit.begin(actorOf(request), known, { endpoint: id });
    await send(producer, `/endpoints/${encodeURIComponent(id)}/${known}`, { authorization: `Bearer ${producerToken}` });
    await act.note('done', { endpoint: id });
    response.status(202).json({ endpoint: id, command: known, accepted: true });
  });

  const actorOf = (request: Request<never> | Request): Actor => {
    const { name = 'nobody', role = 'viewer' } = guard.personOf(request as Request) ?? {};
    return { name, role, from: request.socket.remoteAddress ?? '' };
  };

  return routes;
}

/** @throws RetryableError if it does not answer; ApiError with its own words if it refuses */
async function send(url: string, path: string, headers: Record<string, string>): Promise<unknown> {
  let answer: Response;
  try {
    answer = await ask(url, path, { method: 'POST', headers, signal: AbortSignal.timeout(TIMEOUT) });
  } catch (error) {
    throw new RetryableError('no_answer', `${new URL(url).host} does not answer: ${describeError(error)}`);
  }
  const body = (await answer.json().catch(() => ({}))) as { error?: unknown; detail?: unknown };
  if (answer.ok) return body;
  const why = typeof body.error === 'string' ? body.error : `it answered ${answer.status}`;
  throw new ApiError(answer.status < 500 ? 409 : 503, 'refused', why);
}
