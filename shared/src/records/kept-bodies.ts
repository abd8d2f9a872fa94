import { createHash } from 'node:crypto';

/** Where the consumer keeps bodies of dead letters that are too large for RabbitMQ, and the dashboard finds them. */
export const KEPT_BODIES = {
  /** In the output's folder, for sinks that write files. */
  folder: 'dead-letters',
  /** In the output's schema, for sinks that write tables. */
  table: 'tributary_dead_letters',
} as const;

/** The message that a kept body is of. */
export interface KeptOf {
  /** The queue that it came from. */
  readonly queue: string;
  /** '' if it has none. */
  readonly messageId: string;
}

/**
 * Names a body by its content and the message that it is of: letters of two messages never share one, so each goes with its letter, and
 * a letter that names the body of another is found out.
 */
export const keptId = ({ queue, messageId }: KeptOf, body: Uint8Array): string =>
  createHash('sha256')
    .update(`${JSON.stringify([queue, letterMessageId(messageId)])}\n`)
    .update(body)
    .digest('hex');

/** A message id as a letter has it whose headers did not fit: of characters that take one byte each, and short. */
export const letterMessageId = (messageId: string): string =>
  messageId.replaceAll(/[^\x20-\x7e]/g, '_').slice(0, LONGEST_LETTER_ID);

const LONGEST_LETTER_ID = 200;

/** Whether a text that came with a message can be such a name. It becomes part of a path. */
export const isKeptId = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
