import { readFileSync } from 'node:fs';
import {
  type Environment,
  loadPipeline,
  type PipelineConfig,
  type PipelineInput,
  parsePipeline,
} from '@tributary/shared';

/** How errors call a pipeline that came as an object. */
const OBJECT = 'the pipeline';

/**
 * Reads and checks a pipeline.
 * @param output the folder for CSV files that counts instead of the pipeline's own
 * @throws ConfigError with every fault
 */
export function readConfig(
  config: string | PipelineInput,
  env: Environment,
  output: string | undefined,
): PipelineConfig {
  // JSON is YAML, so an object takes the same way as a file, with the same placeholders and the same faults.
  const read =
    typeof config === 'string' ? loadPipeline(config, env) : parsePipeline(JSON.stringify(config), env, OBJECT);
  return withOutput(read, output);
}

/** @param output the folder for CSV files that counts instead of the pipeline's own */
export const withOutput = (config: PipelineConfig, output: string | undefined): PipelineConfig =>
  output === undefined
    ? config
    : { ...config, sink: { ...config.sink, csv: { ...config.sink.csv, directory: output } } };

/** Whether the pipeline polls `${CRM_URL}` and the environment names none: then the mock CRM stands in for it. */
export function asksForMockApi(config: string | PipelineInput, env: Environment): boolean {
  if (env.CRM_URL) return false;
  return /\$\{CRM_URL\b/.test(typeof config === 'string' ? textOf(config) : JSON.stringify(config));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // readConfig tells what is wrong with it.
  }
}
