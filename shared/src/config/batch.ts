import { z } from 'zod';
import { duration } from './values.js';

/** When the consumer writes: a batch is one durable write. */
export const batchSchema = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(2_000)
    .default(10)
    .describe('Records after which a batch is written; fewer if they have 16 MB together'),
  // RabbitMQ takes a delivery back that is held for 30 minutes (consumer_timeout).
  interval: duration
    .refine((ms) => ms <= 15 * 60_000, 'expected at most 15m')
    .prefault('30s')
    .describe('How long the oldest record of a batch waits at most; up to 15m'),
});
