import { resolve } from 'node:path';
import { ConfigError, loadPipeline, type PipelineConfig } from '@tributary/shared';
import { withOutput } from '../../library/config.js';
import type { Context } from './context.js';

/** Says which pipeline file a command works with. Stdout is left to what was asked for. */
export function tellFile({ terminal }: Context, file: string): void {
  terminal.say(`pipeline: ${resolve(file)}\n`);
}

/**
 * Reads and checks a pipeline file, and says which it was.
 * @param output the folder for CSV files that counts instead of the file's own
 * @throws ConfigError with every fault
 */
export function readPipelineFile(context: Context, file: string, output?: string): PipelineConfig {
  const config = withOutput(loadPipeline(file, context.env), output);
  tellFile(context, file);
  return config;
}

/** What else a person can do if there is no pipeline file; empty for any other error. */
export function adviceIfMissing({ spell }: Context, error: unknown): string {
  const isMissing = error instanceof ConfigError && error.faults.some(({ message }) => message.includes('ENOENT'));
  return isMissing ? `Name another with --config, or write one to start from: ${spell('init')}\n` : '';
}
