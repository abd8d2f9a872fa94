import { datasetsOf } from '@tributary/shared';
import { audit } from '../audit/audit.js';
import type { Removed } from '../audit/gone.js';
import type { AuditReport } from '../audit/report.js';
import { csvRows } from '../audit/sinks/csv.js';
import type { StoredRows } from '../audit/sinks/port.js';
import { postgresRows } from '../audit/sinks/postgres.js';
import { apiTruth } from '../audit/truth.js';
import { TRUTH_OF } from './pipeline.js';
import type { Stage } from './stage.js';

async function withRows<T>({ pipeline, postgres }: Stage, live: boolean, use: (rows: StoredRows) => Promise<T>) {
  const { csv, postgres: settings } = pipeline.config.sink;
  const rows = postgres === undefined ? csvRows(csv, live) : await postgresRows(settings, postgres.url);
  try {
    return await use(rows);
  } finally {
    await rows.close();
  }
}

/** Compares what has landed with what the API has. */
export const auditStage = (stage: Stage, removed?: Removed): Promise<AuditReport> =>
  withRows(stage, false, (sink) => {
    const { config } = stage.pipeline;
    return audit({ config, truth: apiTruth(config, stage.api.url, TRUTH_OF), changes: stage.recorder, sink, removed });
  });

/** So many rows the output has by now, while it is written. */
export const countRows = (stage: Stage): Promise<number> =>
  withRows(stage, true, async (rows) => {
    let count = 0;
    for (const dataset of datasetsOf(stage.pipeline.config)) {
      for await (const row of rows.past?.(dataset) ?? rows.rows(dataset)) if (!('flaw' in row)) count++;
    }
    return count;
  });
