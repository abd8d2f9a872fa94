import { z } from 'zod';

const hostLimits = z.strictObject({
  concurrency: z.int().min(1).max(1_000).default(8).describe('Requests at a time to one host'),
  requestsPerSecond: z
    .number()
    .positive()
    .max(10_000)
    .optional()
    .describe('Requests a second to one host, evenly spread; without it, no limit'),
});

export const limitsSchema = z.strictObject({
  concurrency: z.int().min(1).max(1_000).default(32).describe('Requests at a time, to all hosts together'),
  perHost: hostLimits.prefault({}).describe('Limits of each host that `hosts` does not name'),
  hosts: z
    .record(z.string(), hostLimits)
    .default({})
    .describe('Hosts that need other limits, named as in the URL, with the port if it has one: `api.example.org`'),
});
