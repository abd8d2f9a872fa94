import { z } from 'zod';
import { mapSchema } from '../fields.js';
import { bytes, duration, pathOrNothing, someText } from '../values.js';
import { senderSchema } from './webhook-senders.js';

const rate = z.strictObject({
  perSecond: z.number().positive().describe('Requests a second, in the long run'),
  burst: z.int().min(1).describe('Requests that may come at once'),
});

/** The settings of a door at which events are taken: `POST /hooks/ID`. */
export const webhookSettings = {
  sender: senderSchema.describe('How the sender of an event proves who it is'),
  items: pathOrNothing
    .default('$')
    .describe(
      'Where the records lie in an event: one, or a list. A "?" at the end says that an event may lack them. Each holds as $event ' +
        'what else is in the event, as $headers the headers, as $received when it came',
    ),
  payload: someText
    .optional()
    .describe('For a form: the name of the field whose text is the event as JSON, such as `payload`'),
  tolerance: duration
    .prefault('5m')
    .describe(
      'How old, or how far in the future, a signed time may be. An older event may be one that is played again',
    ),
  maxBodySize: bytes.prefault('1MB').describe('The largest body; a larger one is answered with 413'),
  rate: rate
    .prefault({ perSecond: 500, burst: 1_000 })
    .describe('How many requests of the sender each producer takes; others are answered with 429'),
  answerWithin: duration
    .prefault('8s')
    .describe('How long RabbitMQ may take to confirm; then the sender is answered with 503, and sends again'),
  maxBacklog: z
    .int()
    .min(1)
    .default(100_000)
    .describe('Records in the queue that no consumer has settled; with more, the sender is answered with 503'),
};

/** The same beside a source that is polled: what it says of records replaces what the endpoint says. */
export const besideSchema = z.strictObject({
  ...webhookSettings,
  map: mapSchema.optional().describe("Field paths for events; unless given, the endpoint's"),
  where: someText.optional().describe("As of the endpoint, for events; unless given, the endpoint's"),
  deletes: z
    .strictObject({ when: someText.describe('An event for whose records this CEL expression is true deletes them') })
    .optional()
    .describe("As of the endpoint, for events; unless given, the endpoint's `when`"),
  notifies: z
    .boolean()
    .default(false)
    .describe('An event holds no record, but says that there is something new: the endpoint is polled at once'),
});
