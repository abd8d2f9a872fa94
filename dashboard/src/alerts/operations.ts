import { describeError, RetryableError } from '@tributary/shared';
import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { ACTING } from '../endpoints/operations.js';
import { ApiError, notFound, tooMany } from '../http/api-error.js';
import type { Context } from '../http/context.js';
import { type Operation, operation } from '../http/operation.js';
import { MOST_SILENCES } from './alerts.js';
import * as answers from './answers.js';
import { describeAlerts } from './describe.js';

/** Minutes: thirty days. */
const LONGEST = 43_200;

/** What fires, what is silenced, and who is told. */
export const alertOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/alerts',
    summary: 'Alerts that fire, silences, channels, and what happened',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: answers.alerts,
    handler: (_call, { alerts, config }) => describeAlerts(alerts, config),
  }),
  operation({
    method: 'post',
    path: '/alerts/silences',
    summary: 'Do not tell of a rule, or of one subject of it, for some time',
    role: 'operator',
    body: {
      schema: z.strictObject({
        rule: z.string().max(100),
        subject: z.string().max(300).nullable().default(null),
        minutes: z.int().min(1).max(LONGEST),
        why: z.string().trim().min(3).max(500),
      }),
      limit: 4_096,
    },
    rate: ACTING,
    load: 'light',
    answer: answers.silence,
    status: 201,
    async handler({ body: { rule, subject, minutes, why }, actor }, { alerts, config, audit }) {
      if (!Object.hasOwn(config.alerts.rules, rule)) throw notFound('there is no such rule');
      if (alerts.silences.length >= MOST_SILENCES)
        throw tooMany('too_many_silences', `${MOST_SILENCES} silences are there: end some`, 60);
      const until = new Date(Date.now() + minutes * 60_000).toISOString();
      const act = await audit.begin(actor, 'silence', { rule, subject, until, reason: why });
      return await kept(act, () => alerts.silence({ rule, subject, until, by: actor.name, why }));
    },
  }),
  operation({
    method: 'delete',
    path: '/alerts/silences/{id}',
    summary: 'End a silence',
    role: 'operator',
    body: 'none',
    rate: ACTING,
    load: 'light',
    params: { id: z.string().max(100) },
    answer: 'none',
    status: 204,
    async handler({ params: { id }, actor }, { alerts, audit }) {
      const found = alerts.silences.find((one) => one.id === id);
      if (found === undefined) throw notFound('there is no such silence');
      const act = await audit.begin(actor, 'end silence', { rule: found.rule, subject: found.subject });
      await kept(act, () => alerts.endSilence(id));
    },
  }),
  operation({
    method: 'post',
    path: '/alerts/channels/{channel}/test',
    summary: 'Send a test message to a channel of the file',
    role: 'operator',
    body: 'none',
    rate: ACTING,
    load: 'light',
    params: { channel: z.string().max(100) },
    answer: z.strictObject({ queued: z.literal(true) }),
    status: 202,
    async handler({ params: { channel }, actor }, { alerts, config, audit }) {
      if (!Object.hasOwn(config.alerts.channels, channel)) throw notFound('there is no such channel');
      const act = await audit.begin(actor, 'test alert', { channel });
      return await kept(act, async () => {
        if (await alerts.test(channel, actor.name)) return { queued: true } as const;
        throw new ApiError(409, 'not_here', 'another dashboard sends alerts now: open its page');
      });
    },
  }),
];

type Act = Awaited<ReturnType<Context['audit']['begin']>>;

/** @throws RetryableError while the state cannot be kept */
async function kept<Result>(act: Act, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    await act.note('done');
    return result;
  } catch (error) {
    await act.note('failed', { why: describeError(error) });
    if (error instanceof ApiError) throw error;
    throw new RetryableError('not_kept', `it could not be kept: ${describeError(error)}`);
  }
}
