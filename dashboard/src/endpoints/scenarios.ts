import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { ApiError, notFound } from '../http/api-error.js';
import { askForPerson } from '../http/ask.js';
import { type Operation, operation } from '../http/operation.js';
import { ACTING } from './operations.js';

const answer = z.strictObject({ scenarios: z.array(z.strictObject({ name: z.string(), words: z.string() })) });

/** What `GET /admin/scenarios` of the mock CRM answers, as far as it is shown. */
const listed = z.array(z.object({ name: z.string(), title: z.string() }));

/** The mock CRM's scenarios, for demonstrations. Each is in the audit log before it is started. */
export const scenarioOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/scenarios',
    summary: 'What can be made to happen to the mock CRM; nothing where there is none',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer,
    async handler(_call, { mockApi }) {
      const url = mockApi();
      return { scenarios: url === undefined ? [] : await scenariosOf(url) };
    },
  }),
  operation({
    method: 'post',
    path: '/scenarios/{name}',
    summary: 'Make that happen',
    role: 'admin',
    body: 'none',
    rate: ACTING,
    load: 'light',
    params: { name: z.string().describe('As the list gives it') },
    answer: z.strictObject({ scenario: z.string(), outcome: z.unknown() }),
    async handler({ params: { name }, actor }, { mockApi, audit }) {
      const url = mockApi();
      if (url === undefined) throw notFound('there is no mock CRM here: this is no demonstration');
      const known = await scenariosOf(url);
      if (!known.some((one) => one.name === name)) throw notFound(`there is no scenario "${name.slice(0, 80)}"`);
      const act = await audit.begin(actor, 'scenario', { scenario: name });
      const outcome = await askForPerson(url, `/admin/scenarios/${encodeURIComponent(name)}`, {
        method: 'POST',
      }).catch(async (error: Error) => {
        await act.note('failed', { scenario: name, why: error.message });
        throw error;
      });
      await act.note('done', { scenario: name });
      return { scenario: name, outcome };
    },
  }),
];

async function scenariosOf(url: string): Promise<z.output<typeof answer>['scenarios']> {
  const found = listed.safeParse(await askForPerson(url, '/admin/scenarios'));
  if (!found.success) throw new ApiError(503, 'no_answer', `${new URL(url).host} does not list its scenarios`);
  return found.data.map(({ name, title }) => ({ name, words: title }));
}
