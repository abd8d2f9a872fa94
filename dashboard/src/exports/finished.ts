import { type Clock, describeError, type PipelineConfig } from '@tributary/shared';
import { targetOf } from './targets/target.js';

/** A run that an export has kept, or why its runs are not known. */
export interface KeptRun {
  readonly export: string;
  /** The folder or S3 address of the export. */
  readonly place: string;
  readonly run: string | undefined;
  /** The moment that its rows are of. */
  readonly asOf: string | undefined;
  readonly problem: string | undefined;
}

/** The runs of all exports of the pipeline file that are still there. A place that cannot be read is told in the place of its runs. */
export async function keptRuns(config: PipelineConfig, clock: Clock, signal: AbortSignal): Promise<KeptRun[]> {
  const found: KeptRun[] = [];
  for (const [name, settings] of Object.entries(config.exports)) {
    const target = targetOf(settings, { pipeline: config.name, name, clock });
    const about = { export: name, place: target.shown };
    try {
      for (const { run, asOf } of await target.finished(signal))
        found.push({ ...about, run, asOf, problem: undefined });
    } catch (error) {
      found.push({ ...about, run: undefined, asOf: undefined, problem: describeError(error) });
    }
  }
  return found;
}
