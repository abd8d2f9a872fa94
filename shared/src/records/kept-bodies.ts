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
 * Names a body by its content and the message that it is of: letters of two messages never share one, so each goes with its letter.
 */
export const keptId = ({ queue, messageId }: KeptOf, body: Uint8Array): string =>
  createHash('sha256')
    .update(`${JSON.stringify([queue, messageId])}\n`)
    .update(body)
    .digest('hex');

/** Whether a text that came with a message can be such a name. It becomes part of a path. */
export const isKeptId = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
