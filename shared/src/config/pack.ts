import { z } from 'zod';
import { MOST_PACKED } from '../records/pack.js';
import { bytes } from './values.js';

/** The bounds of a pack: a message with several records, which the producer makes while RabbitMQ does not keep up (records/pack.ts). */
export const packSchema = z.strictObject({
  records: z
    .int()
    .min(1)
    .max(MOST_PACKED)
    .default(100)
    .describe('Records of a pack, at most. 1: every record is a message of its own'),
  bytes: bytes
    .refine((size) => size <= 8 * 1024 ** 2, 'expected at most 8MB')
    .prefault('256KB')
    .describe('Bytes of the records of a pack, at most; up to 8MB'),
  from: z
    .int()
    .min(0)
    .max(1_000)
    .default(64)
    .describe(
      'Messages that RabbitMQ has not confirmed, from which on records share a message. 0: records that come together always share one',
    ),
});
