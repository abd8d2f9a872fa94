import { type Clock, createLogger, type Logger, type PipelineConfig } from '@tributary/shared';
import { createReader } from '../data/readers/create.js';
import { createSqlEngine } from './engine.js';
import type { SqlEngine } from './port.js';

/** What a command asks all datasets with. */
export interface AloneOptions {
  readonly config: PipelineConfig;
  /** Needed if the pipeline's sink is postgres. */
  readonly postgresUrl?: string | undefined;
  /** The same Postgres, as a role that may only read the datasets. */
  readonly sqlUrl?: string | undefined;
  readonly clock: Clock;
}

/** Asks all datasets in SQL without a dashboard, and without its log. @param command names what asks */
export async function withEngine<T>(
  { config, postgresUrl, sqlUrl, clock }: AloneOptions,
  command: string,
  work: (engine: SqlEngine, log: Logger) => Promise<T>,
): Promise<T> {
  const log = createLogger({ service: 'dashboard', instance: command, level: 'silent' });
  const reader = createReader({ config, postgresUrl, clock, log });
  const engine = createSqlEngine({ config, reader, postgresUrl, sqlUrl, clock });
  try {
    return await work(engine, log);
  } finally {
    await engine.close();
    await reader.close();
  }
}
