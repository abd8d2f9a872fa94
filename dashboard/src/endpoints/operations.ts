import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import type { Actor } from '../audit/audit.js';
import { endpoint } from '../flow/answers.js';
import { ApiError, notFound } from '../http/api-error.js';
import { askForPerson } from '../http/ask.js';
import type { Context } from '../http/context.js';
import { type Operation, operation } from '../http/operation.js';
import { settingsOf } from './settings.js';

/** What an operator may tell an endpoint. */
const ENDPOINT_COMMANDS = ['run', 'pause', 'resume', 'restart'] as const;

/** How often one address may act on endpoints and the mock CRM. */
export const ACTING = { burst: 30, perSecond: 1 };

const count = z.int().nonnegative();
const time = z.iso.datetime();
const id = z.string().describe('An endpoint of the pipeline');
const accepted = z.strictObject({ endpoint: z.string(), command: z.string(), accepted: z.boolean() });

const whole = z.strictObject({
  endpoint,
  settings: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  /** What a producer says of it; null where none answers. */
  now: z
    .strictObject({
      state: z.string(),
      producer: z.string().nullable(),
      run: count.nullable(),
      cursor: z.string().nullable(),
      failures: count,
      notBefore: time.nullable(),
      checkpoints: z.array(z.strictObject({ name: z.string(), at: time })),
    })
    .nullable(),
  runs: z.array(
    z.strictObject({
      run: count.nullable(),
      startedAt: time,
      endedAt: time,
      records: count,
      published: count,
      pages: count.nullable(),
      retries: count.nullable(),
      producer: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

/** What is known of an endpoint, and commands to producers. Each command is in the audit log before it is sent. */
export const endpointOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/endpoints/{id}',
    summary: 'What an endpoint is, how it is, and its runs that were seen',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    params: { id },
    answer: whole,
    async handler({ params }, { config, live, observer }) {
      const found = ownEndpoint(params.id, config);
      const flow = (await live.now()).endpoints.find((one) => one.id === params.id);
      if (flow === undefined) throw unknown(params.id);
      const { state, runs } = observer.endpoint(params.id);
      const now =
        state === undefined
          ? null
          : {
              state: state.state,
              producer: state.producer ?? null,
              run: state.run ?? null,
              cursor: state.cursor ?? null,
              failures: state.failures,
              notBefore: state.notBefore ?? null,
              checkpoints: state.checkpoints ?? [],
            };
      return { endpoint: flow, settings: settingsOf(params.id, found, config), now, runs };
    },
  }),
  operation({
    method: 'post',
    path: '/endpoints/{id}/reset',
    summary: 'Bring records again: all, those from a version on, or the changes since a checkpoint',
    role: 'admin',
    rate: ACTING,
    load: 'light',
    params: { id },
    body: {
      schema: z
        .strictObject({ since: z.string().min(1).max(200).optional(), to: z.string().min(1).max(200).optional() })
        .refine(({ since, to }) => since === undefined || to === undefined, 'give since or to, not both'),
      limit: 4 * 1024,
    },
    answer: accepted,
    status: 202,
    handler: ({ params, body, actor }, context) => command(params.id, 'reset', body, actor, context),
  }),
  operation({
    method: 'post',
    path: '/endpoints/{id}/{command}',
    summary: 'Run, pause, resume or restart an endpoint',
    role: 'operator',
    body: 'none',
    rate: ACTING,
    load: 'light',
    params: {
      id,
      command: z
        .enum(ENDPOINT_COMMANDS, { error: `an endpoint can be told to ${ENDPOINT_COMMANDS.join(', ')}` })
        .describe('What it is told to do'),
    },
    answer: accepted,
    status: 202,
    handler: ({ params, actor }, context) => command(params.id, params.command, {}, actor, context),
  }),
];

async function command(
  endpointId: string,
  name: string,
  from: Readonly<Record<string, string | undefined>>,
  actor: Actor,
  { config, services, producerToken, audit }: Context,
): Promise<z.output<typeof accepted>> {
  ownEndpoint(endpointId, config);
  const [producer] = services().producers;
  if (producer === undefined) throw new ApiError(503, 'no_producer', 'no producer is known: set PRODUCER_URL');
  if (!producerToken) {
    const message = 'the producer takes commands with its ADMIN_TOKEN only: set the same for the dashboard';
    throw new ApiError(403, 'no_token_set', message);
  }
  const given = Object.fromEntries(
    Object.entries(from).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const query = new URLSearchParams(given).toString();
  const act = await audit.begin(actor, name, { endpoint: endpointId, ...given });
  const path = `/endpoints/${encodeURIComponent(endpointId)}/${name}${query === '' ? '' : `?${query}`}`;
  await askForPerson(producer, path, {
    method: 'POST',
    headers: { authorization: `Bearer ${producerToken}` },
  }).catch(async (error: Error) => {
    await act.note('failed', { endpoint: endpointId, why: error.message });
    throw error;
  });
  await act.note('done', { endpoint: endpointId });
  return { endpoint: endpointId, command: name, accepted: true };
}

function ownEndpoint(endpointId: string, { endpoints }: Context['config']) {
  const found = Object.hasOwn(endpoints, endpointId) ? endpoints[endpointId] : undefined;
  if (found === undefined) throw unknown(endpointId);
  return found;
}

const unknown = (endpointId: string) => notFound(`there is no endpoint "${endpointId.slice(0, 80)}"`);
