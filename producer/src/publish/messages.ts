import { type Envelope, stringifyJson } from '@tributary/shared';
import type { Endpoint } from '../endpoint.js';
import { type Ids, startTrace } from './ids.js';

/** A record on its way to the broker. */
export interface OutgoingMessage {
  readonly envelope: Envelope;
  /** The canonical record (see shape.ts) as JSON; what could not be converted is there as it came, and the consumer judges it. */
  readonly body: Buffer;
}

/**
 * The longest key or version that is put into the envelope, in UTF-16 code units. AMQP properties must fit into one frame
 * (128 KiB); if they do not, a broker closes the connection, at every attempt. The record itself is sent whole: the consumer
 * finds the key there, and dead-letters a record whose key is longer.
 */
const MAX_HEADER_LENGTH = 512;

/**
 * Makes the messages of one run, in the order of the fetch. Their ids have the time of the fetch, not of the publish: a
 * producer that was suspended in between must not make old content look new.
 */
export function messageMaker(
  endpoint: Pick<Endpoint, 'id' | 'entity'>,
  run: number,
  ids: Ids,
): (record: unknown, fetchedAt: number) => OutgoingMessage {
  const { id, entity } = endpoint;
  const traceparent = startTrace(ids);
  let time = Number.NaN;
  let timeAsText = '';
  const textOf = (fetchedAt: number) => {
    if (fetchedAt !== time) timeAsText = new Date(fetchedAt).toISOString();
    time = fetchedAt;
    return timeAsText;
  };
  const short = (text: string | undefined) =>
    text === undefined || text.length > MAX_HEADER_LENGTH ? undefined : text;
  return (record, fetchedAt) => ({
    envelope: {
      messageId: ids.messageId(fetchedAt),
      endpoint: id,
      entity: entity.name,
      key: short(entity.keyOf(record)),
      version: short(entity.versionOf(record)) ?? '',
      run,
      fetchedAt: textOf(fetchedAt),
      traceparent: traceparent(),
    },
    body: bodyOf(record),
  });
}

/** Characters of a record that is too large that its dead letter shows. */
const BEGINNING = 300;

/** What is sent in the place of a record that is larger than the broker takes. The consumer dead-letters the text. */
export function standInFor({ envelope, body }: OutgoingMessage, limit: number): OutgoingMessage {
  const what = `this record is too large to be sent: RabbitMQ takes ${limit} bytes (max_message_size), and it has ${body.length}`;
  const beginning = body
    .subarray(0, BEGINNING * 2)
    .toString('utf8')
    .slice(0, Math.min(BEGINNING, limit / 8));
  return { envelope, body: Buffer.from(JSON.stringify(`${what}; it begins with ${beginning}`)) };
}

/** Writing JSON takes a stack as deep as the value. One record must not end the poll: the consumer dead-letters the text. */
function bodyOf(record: unknown): Buffer {
  try {
    return Buffer.from(stringifyJson(record) ?? 'null');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return Buffer.from(JSON.stringify('this record is nested too deep to be sent'));
  }
}
