import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExportResult, runExportCommand } from '@tributary/dashboard';
import { type PipelineConfig, systemClock } from '@tributary/shared';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { onTestFinished } from 'vitest';
import type { Manifest } from '../../../dashboard/src/exports/manifest.js';
import { type SampleRow, sampleConfig, writePart } from '../../../dashboard/test/sample.js';

export interface ExportStage {
  readonly folder: string;
  /** Where the exports go. */
  readonly out: string;
  readonly config: PipelineConfig;
  run(name?: string, signal?: AbortSignal): Promise<ExportResult>;
}

const FOREVER = new AbortController().signal;

/** Rows of customers in CSV, and exports of them; a `$OUT` in their settings is the folder where they go. */
export async function exportStage(rows: readonly SampleRow[], exports: string): Promise<ExportStage> {
  const folder = await mkdtemp(join(tmpdir(), 'exports-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writePart(join(folder, 'output'), rows);
  const out = join(folder, 'out');
  const config = sampleConfig(join(folder, 'output'), 'csv', `exports:\n${exports.replaceAll('$OUT', out)}\n`);
  return {
    folder,
    out,
    config,
    run: (name = 'set', signal = FOREVER) => runExportCommand({ config, name, clock: systemClock, signal }),
  };
}

export const customers = (count: number): SampleRow[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `C-${index}`,
    at: index % 500,
    values: {
      name: index % 50 === 0 ? '=HYPERLINK("http://x")' : `Name, "of" ${index}\nÄ`,
      spent: index / 4,
      balance: `${index}.10`,
      points: index,
      active: index % 2 === 0,
    },
  }));

export const read = async (path: string): Promise<Record<string, unknown>[]> =>
  await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });

/** The runs that a person sees, each checked against its manifest: every file is there, as long as it says, with the hash that it says. */
export function wholeRuns(folder: string): Manifest[] {
  if (!existsSync(folder)) return [];
  const seen = readdirSync(folder).filter((name) => !name.startsWith('.'));
  return seen.sort().map((run) => {
    const manifest = JSON.parse(readFileSync(join(folder, run, 'manifest.json'), 'utf8')) as Manifest;
    for (const { name, bytes, sha256 } of manifest.files) {
      const content = readFileSync(join(folder, run, name));
      const found = createHash('sha256').update(content).digest('hex');
      if (content.length !== bytes || found !== sha256) throw new Error(`${run}/${name} is not what the manifest says`);
    }
    return manifest;
  });
}

/** What lies hidden in a folder of runs. */
export const hidden = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('.'));
