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
    answer: answers.pipeline,
    handler: (_call, { config }) => describePipeline(config),
  }),
  operation({
    method: 'get',
    path: '/flow',
    summary: 'What flows now, and what is wrong in words',
    role: 'viewer',
    answer: answers.flow,
    handler: (_call, { live }) => live.now(),
  }),
  operation({
    method: 'get',
    path: '/flow/history',
    summary: 'The last hour, in columns',
    role: 'viewer',
    answer: answers.history,
    handler: (_call, { observer }) => observer.history,
  }),
  operation({
    method: 'get',
    path: '/live',
    summary: 'Events `flow` (each second) and `history`',
    role: 'viewer',
    answer: 'text/event-stream',
    handler: ({ request, response }, { live }) => live.watch(request, response),
  }),
];
