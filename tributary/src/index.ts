export { type Pipeline, type PipelineOptions, startPipeline } from './embedded/pipeline.js';
