export type { Cell, SqlColumn } from '@tributary/dashboard';
export { SqlError } from '@tributary/dashboard';
export type { EndpointReport, ResetFrom, RunResult } from '@tributary/producer';
export type { Environment, Logger, PipelineConfig, PipelineInput } from '@tributary/shared';
export { ConfigError, FatalError, RetryableError } from '@tributary/shared';
export type { InMemory } from './embedded/servers.js';
export {
  defineEndpoint,
  defineEntity,
  type EndpointInput,
  type EntityInput,
  type EntityRecord,
  type Tombstone,
} from './library/entities.js';
export type { EventName, Listener, PipelineEvents, Written, WrittenRow } from './library/events.js';
export type { Figures } from './library/figures.js';
export type { Health, Problem } from './library/health.js';
export type { Summary } from './library/once.js';
export type { PipelineOptions, PipelineUrls, PublishSettings } from './library/options.js';
export { createPipeline, type MarksPlace, type Pipeline, type Stats } from './library/pipeline.js';
export { type PublishOptions, publish } from './library/publish.js';
export type { QueryOptions, QueryResult } from './library/query.js';
