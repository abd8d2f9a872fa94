import { type Clock, createLogger, FatalError, type PipelineConfig } from '@tributary/shared';
import { createReader } from '../data/readers/create.js';
import { createSqlEngine } from '../sql/engine.js';
import { type ExportResult, runExport } from './run.js';

export interface ExportCommandOptions {
  readonly config: PipelineConfig;
  readonly name: string;
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** The same Postgres, as a role that may only read the datasets. */
  readonly sqlUrl?: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Exports once, without a dashboard.
 * @throws FatalError if there is no such export, and as {@link runExport}
 */
export async function runExportCommand(options: ExportCommandOptions): Promise<ExportResult> {
  const { config, name, postgresUrl, sqlUrl, clock, signal } = options;
  if (!Object.hasOwn(config.exports, name)) {
    const known = Object.keys(config.exports).join(', ');
    const which = known === '' ? 'the pipeline file has no exports' : `expected one of ${known}`;
    throw new FatalError('export_unknown', `there is no export "${name}": ${which}`);
  }
  const log = createLogger({ service: 'dashboard', instance: 'export', level: 'silent' });
  const reader = createReader({ config, postgresUrl, clock, log });
  const engine = createSqlEngine({ config, reader, postgresUrl, sqlUrl, clock });
  try {
    return await runExport({ config, name, engine, clock, log, signal });
  } finally {
    await engine.close();
    await reader.close();
  }
}
