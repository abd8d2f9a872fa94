import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { type Operation, operation } from '../http/operation.js';
import * as answers from './answers.js';
import { describePipeline } from './pipeline.js';

/** What flows: once, as a stream, and over the last hour; and what it flows through. */
export const flowOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/pipeline',
    summary: 'What the pipeline is made of',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: answers.pipeline,
    handler: (_call, { config }) => describePipeline(config),
  }),
  operation({
    method: 'get',
    path: '/flow',
    summary: 'What flows now, and what is wrong in words',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: answers.flow,
    handler: (_call, { live }) => live.now(),
  }),
  operation({
    method: 'get',
    path: '/flow/history',
    summary: 'The last hour, day or month, in columns',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    query: {
      span: z
        .enum(['hour', 'day', 'month'], { error: 'expected hour, day or month' })
        .default('hour')
        .describe('How far back: a point each 10 s, minute or hour'),
    },
    answer: answers.history,
    handler: ({ query: { span } }, { observer }) => (span === 'hour' ? observer.history : observer.longHistory(span)),
  }),
  operation({
    method: 'get',
    path: '/live',
    summary: 'Events `flow` (each second) and `history`',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: 'light',
    answer: 'text/event-stream',
    handler: ({ request, response }, { live, guard }) => live.watch(request, response, guard.identify(request)),
  }),
];
