export type {
  Inspection,
  LandedRow,
  LandedRows,
  MakeProgramSink,
  Mark,
  Marks,
  Refusal,
  Sink,
  SinkContext,
  SinkWriter,
  StoredDataset,
  StoredOutput,
} from '@tributary/consumer';
export { RowsRefused, WriterLost } from '@tributary/consumer';
export type { Cell, SqlColumn } from '@tributary/dashboard';
export { SqlError } from '@tributary/dashboard';
export type {
  EndpointReport,
  Input,
  MakeProgramSource,
  Page,
  PageRequest,
  Place,
  ProgramSources,
  ResetFrom,
  RunResult,
  Source,
  SourceContext,
  SourceEvents,
  Validator,
} from '@tributary/producer';
export { Unreadable } from '@tributary/producer';
export type { Clock, Dataset, Environment, Logger, PipelineConfig, PipelineInput, Row } from '@tributary/shared';
export { ConfigError, FatalError, PoisonError, RetryableError } from '@tributary/shared';
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
