import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { instancesOf } from '../flow/scrape.js';
import { notFound } from '../http/api-error.js';
import { ask, withToken } from '../http/ask.js';
import type { Context } from '../http/context.js';
import { type Operation, operation } from '../http/operation.js';

const line = z.strictObject({ at: z.iso.datetime(), level: z.string(), text: z.string(), producer: z.string() });
type Line = z.output<typeof line>;

/** As a producer tells it. */
const told = z.object({
  instance: z.string(),
  lines: z.array(z.object({ at: z.iso.datetime(), level: z.string(), text: z.string() })),
});

/** Lines that are shown: a producer keeps as many of each endpoint. */
const MOST = 100;

/** What producers wrote into their logs about one endpoint. Each keeps its newest lines in memory. */
export const endpointLogOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/endpoints/{id}/log',
    summary: 'The newest lines in the logs of the producers about an endpoint, the newest first',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    params: { id: z.string().describe('An endpoint of the pipeline') },
    answer: z.strictObject({ lines: z.array(line), silent: z.int().nonnegative() }),
    async handler({ params: { id } }, { config, services, observer }) {
      if (!Object.hasOwn(config.endpoints, id)) throw notFound(`there is no endpoint "${id.slice(0, 80)}"`);
      const urls = (await Promise.all(services().producers.map(instancesOf))).flat();
      const answers = await Promise.all(urls.map((url) => linesAt(url, id, observer.readToken)));
      const lines = answers.flatMap((found) => found ?? []);
      lines.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
      return { lines: lines.slice(0, MOST), silent: answers.filter((found) => found === undefined).length };
    },
  }),
];

async function linesAt(url: string, id: string, token: Context['observer']['readToken']): Promise<Line[] | undefined> {
  try {
    const answer = await ask(url, `/endpoints/${encodeURIComponent(id)}/log`, withToken(token));
    // An endpoint that is switched off has none.
    if (answer.status === 404) return [];
    const { instance, lines } = told.parse(await answer.json());
    return lines.toReversed().map((one) => ({ ...one, producer: instance }));
  } catch {
    return undefined;
  }
}
