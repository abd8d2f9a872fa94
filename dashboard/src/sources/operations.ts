import { FatalError, RetryableError } from '@tributary/shared';
import { z } from 'zod';
import { ApiError } from '../http/api-error.js';
import { DISCOVERIES } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';

/** How often one address may have an API looked at: each time, it is sent up to 12 requests. */
const LOOKING = { burst: 5, perSecond: 0.1 };
/** Characters. A curl line with a long token or a body has room. */
const LONGEST = 16_000;

/** What leads a person to the data of an API. */
export const sourceOperations: readonly Operation[] = [
  operation({
    method: 'post',
    path: '/discover',
    summary: 'Look at an API, and write the pipeline file that polls it; nothing is kept',
    role: 'admin',
    body: {
      schema: z.strictObject({
        input: z
          .string()
          .trim()
          .min(1)
          .max(LONGEST)
          .describe('A URL, or a curl line as the documents of the API have it'),
      }),
      limit: 4 * LONGEST,
    },
    rate: LOOKING,
    load: DISCOVERIES,
    answer: z.strictObject({
      text: z.string(),
      endpoints: z.array(
        z.strictObject({
          id: z.string(),
          columns: z.array(z.strictObject({ name: z.string(), type: z.string(), full: z.string() })),
          rows: z.array(z.array(z.string())),
          bad: z.int(),
          reason: z.string().nullable(),
        }),
      ),
      notes: z.array(z.string()),
      secrets: z.array(z.string()),
      requests: z.array(z.strictObject({ asked: z.string(), answered: z.string(), milliseconds: z.number() })),
    }),
    async handler({ body: { input }, actor, signal }, { discover, audit }) {
      if (discover === undefined) {
        const message = 'this dashboard cannot look at APIs: `npx tributary dashboard` and `npx tributary start` can';
        throw new ApiError(501, 'not_here', message);
      }
      // The host alone: what else was pasted may be secret.
      const act = await audit.begin(actor, 'discover', { endpoint: hostIn(input) });
      try {
        const found = await discover(input, signal);
        await act.note('done', { endpoint: hostIn(input) });
        return found;
      } catch (error) {
        signal.throwIfAborted();
        await act.note('failed', {
          why: error instanceof FatalError || error instanceof RetryableError ? error.code : 'internal',
        });
        // What is wrong is the API or the line, and not this dashboard.
        if (error instanceof FatalError || error instanceof RetryableError)
          throw new ApiError(422, error.code, error.message);
        throw error;
      }
    },
  }),
];

/**
 * The host of the URL that was pasted, or nothing where that is not certain: any word with a dot in it may be a part of a password, and
 * viewers read the audit log.
 */
function hostIn(input: string): string {
  const [first = '', second = ''] = input.replace(/^\$\s+/, '').split(/\s+/, 2);
  const next = /^curl(\.exe)?$/.test(first) ? second : first;
  const whole = /(?:^|[\s'"=])(https?:\/\/[^\s'"]+)/i.exec(input)?.[1];
  const given = whole ?? (next.startsWith('-') ? '' : `https://${next.replaceAll(/['"]/g, '')}`);
  return URL.canParse(given) ? new URL(given).hostname.slice(0, 100) : '';
}
