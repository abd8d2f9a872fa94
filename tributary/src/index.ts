export type { Environment, Logger, PipelineConfig, PipelineInput } from '@tributary/shared';
export { ConfigError, FatalError } from '@tributary/shared';
export type { InMemory } from './embedded/servers.js';
export type { Figures } from './library/figures.js';
export type { Summary } from './library/once.js';
export type { PipelineOptions, PipelineUrls } from './library/options.js';
export { type MarksPlace, type Pipeline, startPipeline } from './library/pipeline.js';
export { type PublishOptions, publish } from './library/publish.js';
