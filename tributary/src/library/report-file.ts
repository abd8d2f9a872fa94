import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type PipelineConfig, replaceFile, sinkWords } from '@tributary/shared';
import type { Summary } from './once.js';

/**
 * Writes what a round came to into a file: counts, why records died, and what became of each file, with its hash.
 * @param wanted its path; without it, the report of a round that read files goes beside the rows, if those are in a folder
 * @param now milliseconds since the epoch
 * @returns where it is; undefined if there is none
 */
export async function writeReport(
  summary: Summary,
  config: PipelineConfig,
  wanted: string | undefined,
  now: number,
): Promise<string | undefined> {
  const path = wanted ?? usualPath(summary, config, now);
  if (path === undefined) return undefined;
  const report = { pipeline: config.name, endedAt: new Date(now).toISOString(), ...summary };
  await mkdir(dirname(resolve(path)), { recursive: true });
  await replaceFile(resolve(path), `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

function usualPath({ endpoints }: Summary, { name, sink }: PipelineConfig, now: number): string | undefined {
  const { folder } = sinkWords(sink);
  if (folder === undefined || !endpoints.some(({ inputs }) => inputs !== undefined)) return undefined;
  const time = new Date(now).toISOString().replaceAll(/[:.]/g, '-');
  return join(folder, '.tributary', 'reports', `${name}-${time}.json`);
}
