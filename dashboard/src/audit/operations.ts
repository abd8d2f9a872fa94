import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { AUDITS } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import { wholeNumber } from '../http/parameters.js';

const entries = z.array(
  z.looseObject({
    at: z.iso.datetime(),
    who: z.string(),
    role: z.string(),
    from: z.string(),
    action: z.string(),
    request: z.string(),
    step: z.string(),
  }),
);

export const auditOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/audit',
    summary: 'Who did what, the newest first',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: AUDITS,
    query: { limit: wholeNumber(1, 1_000, 100).describe('Entries to give') },
    answer: z.strictObject({ entries }),
    handler: async ({ query }, { audit }) => ({ entries: await audit.newest(query.limit) }),
  }),
];
