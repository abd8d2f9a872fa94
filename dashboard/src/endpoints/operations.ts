import { z } from 'zod';
import { ApiError, notFound } from '../http/api-error.js';
import { askForPerson } from '../http/ask.js';
import { type Operation, operation } from '../http/operation.js';

/** What a person may tell an endpoint here; the producer takes more commands. */
const ENDPOINT_COMMANDS = ['run', 'pause', 'resume'] as const;

/** How often one address may act on endpoints and the mock CRM. */
export const ACTING = { burst: 30, perSecond: 1 };

/** Commands to producers. Each is in the audit log before it is sent. */
export const endpointOperations: readonly Operation[] = [
  operation({
    method: 'post',
    path: '/endpoints/{id}/{command}',
    summary: 'Run, pause or resume an endpoint',
    role: 'operator',
    body: 'none',
    rate: ACTING,
    load: 'light',
    params: {
      id: z.string().describe('An endpoint of the pipeline'),
      command: z
        .enum(ENDPOINT_COMMANDS, { error: `an endpoint can be told to ${ENDPOINT_COMMANDS.join(', ')}` })
        .describe('What it is told to do'),
    },
    answer: z.strictObject({ endpoint: z.string(), command: z.string(), accepted: z.boolean() }),
    status: 202,
    async handler({ params: { id, command }, actor }, { config, services, producerToken, audit }) {
      if (!Object.hasOwn(config.endpoints, id)) throw notFound(`there is no endpoint "${id.slice(0, 80)}"`);
      const [producer] = services().producers;
      if (producer === undefined) throw new ApiError(503, 'no_producer', 'no producer is known: set PRODUCER_URL');
      if (!producerToken) {
        const message = 'the producer takes commands with its ADMIN_TOKEN only: set the same for the dashboard';
        throw new ApiError(403, 'no_token_set', message);
      }
      const act = await audit.begin(actor, command, { endpoint: id });
      await askForPerson(producer, `/endpoints/${encodeURIComponent(id)}/${command}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${producerToken}` },
      }).catch(async (error: Error) => {
        await act.note('failed', { endpoint: id, why: error.message });
        throw error;
      });
      await act.note('done', { endpoint: id });
      return { endpoint: id, command, accepted: true };
    },
  }),
];
