import { RetryableError, withTimeout } from '@tributary/shared';
import { z } from 'zod';
import { ApiError, notFound } from '../http/api-error.js';
import { ask } from '../http/ask.js';
import { TRIES } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';

/** How often one address may have an endpoint tried: each time, its API is asked. */
const TRYING = { burst: 5, perSecond: 0.1 };
/** Milliseconds: longer than the producer takes at most. */
const WITHIN = 70_000;

const answer = z.object({
  text: z.string(),
  bad: z.int(),
  error: z.string().nullable(),
});

/**
 * Tries an endpoint of the configuration that runs. A request names an endpoint and nothing else, so nothing is asked that a poll does not ask; the producer does
 * it, which has the credentials and the way to the API.
 */
export const tryOperation: Operation = operation({
  method: 'post',
  path: '/configuration/endpoints/{id}/try',
  summary: 'Poll an endpoint of the running configuration once, and show what comes; nothing is published',
  role: 'operator',
  body: { schema: z.strictObject({ limit: z.int().min(1).max(20).default(5) }), limit: 1_024 },
  rate: TRYING,
  load: TRIES,
  params: { id: z.string().describe('An endpoint of the pipeline') },
  answer,
  async handler({ params: { id }, body: { limit }, actor, signal }, { config, services, producerToken, audit }) {
    if (!Object.hasOwn(config.endpoints, id)) throw notFound(`there is no endpoint "${id.slice(0, 80)}"`);
    const [producer] = services().producers;
    if (producer === undefined) throw new ApiError(503, 'no_producer', 'no producer is known: set PRODUCER_URL');
    if (!producerToken)
      throw new ApiError(
        403,
        'no_token_set',
        'the producer takes commands with its ADMIN_TOKEN only: set the same for the dashboard',
      );
    const act = await audit.begin(actor, 'try', { endpoint: id });
    try {
      const response = await ask(producer, `/endpoints/${encodeURIComponent(id)}/try?limit=${limit}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${producerToken}` },
        signal: withTimeout(signal, WITHIN),
      });
      const body: unknown = await response.json().catch(() => ({}));
      if (!response.ok) {
        const { error } = body as { error?: unknown };
        throw new ApiError(
          response.status < 500 ? 409 : 503,
          'refused',
          typeof error === 'string' ? error : `the producer answered ${response.status}`,
        );
      }
      const tried = answer.parse(body);
      await act.note(tried.error === null ? 'done' : 'failed', { endpoint: id });
      return tried;
    } catch (error) {
      await act.note('failed', { endpoint: id });
      signal.throwIfAborted();
      if (error instanceof ApiError) throw error;
      throw new RetryableError('no_answer', 'the producer does not answer');
    }
  },
});
