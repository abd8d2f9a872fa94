import { FatalError, type PipelineConfig } from '@tributary/shared';
import { type AloneOptions, withEngine } from '../sql/alone.js';
import { type ExportResult, runExport } from './run.js';

export interface ExportCommandOptions extends AloneOptions {
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * Exports once, without a dashboard.
 * @throws FatalError if there is no such export, and as {@link runExport}
 */
export async function runExportCommand(options: ExportCommandOptions): Promise<ExportResult> {
  const { config, name, clock, signal } = options;
  checkExport(config, name);
  return await withEngine(options, 'export', (engine, log) => runExport({ config, name, engine, clock, log, signal }));
}

/** @throws FatalError if there is no such export */
export function checkExport(config: PipelineConfig, name: string): void {
  if (Object.hasOwn(config.exports, name)) return;
  const known = Object.keys(config.exports).join(', ');
  const which = known === '' ? 'the pipeline file has no exports' : `expected one of ${known}`;
  throw new FatalError('export_unknown', `there is no export "${name}": ${which}`);
}
