export { type Cursor, type CursorStore, memoryCursorStore } from './cursor/cursor.js';
export { redisCursorStore } from './cursor/cursor-redis.js';
export type { KnownKey, KnownKeys } from './cursor/known-keys.js';
export { redisKnownKeys } from './cursor/known-keys-redis.js';
export { restorableCursor } from './cursor/restorable.js';
export type { SavedMarks } from './cursor/saved-marks.js';
export { type GivenOptions, targetOf } from './discover/ask/input.js';
export { concealSecrets } from './discover/ask/secrets.js';
export { type DiscoverOptions, discover } from './discover/discover.js';
export type { Draft } from './discover/draft.js';
export { draftOfDatabase, isDatabaseUrl } from './discover/given/database.js';
export { draftOfFiles, isFilesPath } from './discover/given/files.js';
export { draftOfOpenApi } from './discover/given/openapi.js';
export { draftOfSample } from './discover/given/sample.js';
export { discoverInThread } from './discover/in-thread.js';
export { prefixOf } from './discover/names.js';
export { polledAlready } from './discover/write/again.js';
export { pipelineText } from './discover/write/document.js';
export { secretsBeside, writeSecrets } from './discover/write/env-file.js';
export { showRows } from './discover/write/rows.js';
export { compileEndpoints, type Endpoint } from './endpoint.js';
export type { LeaseTable } from './leases/table.js';
export { redisLeaseTable } from './leases/table-redis.js';
export {
  ENDPOINT_REQUESTS,
  type EndpointCommandOptions,
  type EndpointRequest,
  runEndpointCommand,
} from './operate/commands.js';
export type { EndpointReport, ResetFrom } from './operate/control.js';
export { type GenerateOptions, generateEndpoints } from './operate/generate.js';
export { type ListOptions, listTables } from './operate/list.js';
export type { Operations, RunResult } from './operate/operations.js';
export { type NotTaken, type SendOptions, type Sent, sendLines, sendRecord } from './operate/send.js';
export { type TryOptions, tryEndpoint } from './operate/try.js';
export type { PollSummary } from './poll/progress.js';
export type { OutgoingMessage } from './publish/messages.js';
export type { PublishRun } from './publish/publish-run.js';
export { Publisher, type PublisherOptions } from './publish/publisher.js';
export { createProducer, type Producer, type ProducerOptions, producerProcess } from './service.js';
export type { ShapeEvents } from './shape/endpoint-findings.js';
export { type Revealed, reveal } from './shape/protect/encrypted.js';
export { NO_KEYS, type ProtectionKeys, readProtectionKeys } from './shape/protect/keys.js';
export { protectedKey } from './shape/protect/protected-key.js';
export { compileShape, type Shape, type Shaped } from './shape/shape.js';
export {
  type Input,
  type Page,
  type PageRequest,
  type Place,
  type Source,
  type SourceEvents,
  Unreadable,
  type Validator,
} from './sources/port.js';
export type { MakeProgramSource, ProgramSources, SourceContext } from './sources/program.js';
export { createSeal } from './sources/rest/auth/seal.js';
export { redisTokenStore } from './sources/rest/auth/token-store-redis.js';
export { type Proxies, proxiesOf } from './sources/rest/proxies.js';
export type { SentRecord } from './sources/webhook/sent-records.js';
