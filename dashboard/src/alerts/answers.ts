import { z } from 'zod';
import { EVENTS } from './document.js';

const count = z.int().nonnegative();
const time = z.iso.datetime();

export const subject = z.strictObject({
  kind: z.enum(['dataset', 'endpoint', 'queue', 'service']),
  name: z.string(),
});

export const firingAlert = z.strictObject({
  rule: z.string(),
  subject,
  words: z.string(),
  since: time,
  silenced: z.boolean(),
  path: z.string(),
});

export const silence = z.strictObject({
  id: z.string(),
  rule: z.string(),
  subject: z.string().nullable(),
  at: time,
  until: time,
  by: z.string(),
  why: z.string(),
});

export const alerts = z.strictObject({
  sender: z.enum(['this', 'other', 'none']).describe('Which dashboard judges and sends; none: nothing is watched'),
  problem: z.string().nullable(),
  firing: z.array(firingAlert),
  pending: count.describe('Conditions that hold, but not for long enough yet'),
  silences: z.array(silence),
  rules: z.array(z.strictObject({ name: z.string(), when: z.string(), to: z.array(z.string()), firing: count })),
  channels: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      sent: count,
      failed: count,
      waiting: count,
      lastSentAt: time.nullable(),
      problem: z.string().nullable(),
    }),
  ),
  history: z.array(
    z.strictObject({
      at: time,
      event: z.enum(EVENTS),
      rule: z.string(),
      about: z.string(),
      channel: z.string().nullable(),
      words: z.string(),
    }),
  ),
});
