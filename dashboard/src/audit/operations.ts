import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { AUDITS } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import { wholeNumber } from '../http/parameters.js';
import { type AuditAction, OUTCOMES } from './actions.js';
import { AUDIT_EXPORTS, type AuditExport, exportActions } from './export.js';

const count = z.int().nonnegative();

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

const action = z.strictObject({
  request: z.string(),
  at: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  who: z.string(),
  role: z.string(),
  from: z.string(),
  action: z.string(),
  outcome: z.enum(OUTCOMES),
  detail: z.record(z.string(), z.unknown()),
  records: count,
  keys: z.array(z.string()),
  stayed: count.nullable(),
  why: z.string().nullable(),
});

const criterion = (what: string) =>
  z
    .string()
    .transform((text) => text.slice(0, 200))
    .optional()
    .describe(what);

const criteria = {
  who: criterion('Those of this person'),
  action: criterion('Those of this kind, such as replay'),
  outcome: z.enum(OUTCOMES).optional().describe('Those that ended so; open: still running, or never ended'),
  search: criterion('Words that an action must tell of'),
};

export const auditOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/audit',
    summary: 'Who did what, step by step, the newest first',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: AUDITS,
    query: {
      limit: wholeNumber(1, 1_000, 100).describe('Entries to give'),
      request: criterion('Those of this action'),
    },
    answer: z.strictObject({ entries }),
    handler: async ({ query: { limit, request }, signal }, { audit }) => ({
      entries: await audit.newest(limit, request, signal),
    }),
  }),
  operation({
    method: 'get',
    path: '/audit/actions',
    summary: 'Who did what, one entry for each action, the newest first',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: AUDITS,
    query: {
      ...criteria,
      offset: wholeNumber(0, 1_000_000, 0).describe('Actions to skip'),
      limit: wholeNumber(1, 500, 100).describe('Actions to give'),
    },
    answer: z.strictObject({ offset: count, limit: count, actions: z.array(action), more: z.boolean() }),
    async handler({ query: { offset, limit, ...match }, signal }, { audit }) {
      const actions: AuditAction[] = [];
      let place = 0;
      for await (const one of audit.actions(match, signal)) {
        if (place >= offset + limit) return { offset, limit, actions, more: true };
        if (place >= offset) actions.push(one);
        place += 1;
      }
      return { offset, limit, actions, more: false };
    },
  }),
  ...(Object.keys(AUDIT_EXPORTS) as AuditExport[]).map((kind) =>
    operation({
      method: 'get',
      path: `/audit.${kind}`,
      summary: `The actions that match, as ${kind.toUpperCase()}`,
      role: 'viewer',
      body: 'none',
      rate: ASKING,
      load: AUDITS,
      query: criteria,
      answer: AUDIT_EXPORTS[kind].answer,
      handler: ({ query, request, response, signal }, { audit }) =>
        exportActions(kind, response, request.method === 'HEAD' ? undefined : audit.actions(query, signal)),
    }),
  ),
];
