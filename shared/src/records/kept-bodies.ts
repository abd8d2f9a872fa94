import { createHash } from 'node:crypto';

/** Where the consumer keeps bodies of dead letters that are too large for RabbitMQ, and the dashboard finds them. */
export const KEPT_BODIES = {
  /** In the output's folder, for sinks that write files. */
  folder: 'dead-letters',
  /** In the output's schema, for sinks that write tables. */
  table: 'tributary_dead_letters',
} as const;

/** Names a body by its content. */
export const keptId = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

/** Whether a text that came with a message can be such a name. It becomes part of a path. */
export const isKeptId = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
