export { type Cursor, type CursorStore, memoryCursorStore, redisCursorStore, type Validator } from './cursor.js';
export { compileEndpoints, type Endpoint } from './endpoint.js';
export type { OutgoingMessage } from './messages.js';
export type { PollSummary } from './progress.js';
export { Publisher, type PublisherOptions } from './publish.js';
export type { PublishRun } from './publish-run.js';
export { createProducer, type Producer, type ProducerOptions } from './service.js';
