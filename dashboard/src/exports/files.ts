import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ExportConfig, ExportFormat } from '@tributary/shared';
import { writeRows } from '../sql/files.js';
import type { Cell, SqlColumn, SqlEngine, SqlResult } from '../sql/port.js';
import type { Manifest } from './manifest.js';
import { type PrivateRows, privateRows } from './privacy/rows.js';
import { dealerOf, type Split } from './split.js';

/** A file that was written to a folder of this machine. */
export interface WrittenFile {
  readonly name: string;
  readonly path: string;
  readonly rows: number;
}

export interface WrittenFiles {
  readonly files: readonly WrittenFile[];
  readonly columns: readonly SqlColumn[];
  /** The moment that all of them show, ISO 8601 in UTC. */
  readonly asOf: string;
  readonly privacy: Manifest['privacy'];
}

export interface Writing {
  readonly engine: SqlEngine;
  readonly query: string;
  readonly name: string;
  readonly settings: Pick<ExportConfig, 'format' | 'split' | 'privacy'>;
  readonly neutraliseFormulas: boolean;
  /** A folder that is empty. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Seconds that a query of an export may work, and megabytes that it may take. */
const SECONDS = 4 * 3_600;
const MEMORY = 256;

/** What an export calls its files. */
export const fileNamesOf = (name: string, { format, split }: Writing['settings']): string[] =>
  (split === undefined ? [name] : Object.keys(split.shares)).map((file) => `${file}.${format}`);

/** Writes what the query gives, as of one moment, in memory that does not grow with its rows. */
export async function writeFiles(writing: Writing): Promise<WrittenFiles> {
  const { engine, query, name, settings, folder, signal } = writing;
  const question = { signal, seconds: SECONDS, memory: MEMORY };
  const places = fileNamesOf(name, settings).map((file) => ({ name: file, path: join(folder, file) }));
  const { format, split, privacy } = settings;
  const [only] = places;
  if (split === undefined && privacy === undefined && only !== undefined) {
    const { columns, rows, asOf } = await engine.writeTo(query, only.path, format, question);
    return { files: [{ ...only, rows }], columns, asOf, privacy: null };
  }
  const asked: PrivateRows | SqlResult =
    privacy === undefined ? await engine.run(query, question) : await privateRows(engine, query, privacy, question);
  const rows = await dealOut(
    asked,
    split,
    places.map(({ path }) => path),
    format,
    writing,
  );
  return {
    files: places.map((place, index) => ({ ...place, rows: rows[index] ?? 0 })),
    columns: asked.columns,
    asOf: asked.asOf,
    privacy: 'told' in asked ? asked.told() : null,
  };
}

/** Writes all files at the same time, each as fast as the slowest. @returns the rows of each */
async function dealOut(
  { columns, rows }: Pick<SqlResult, 'columns' | 'rows'>,
  split: Split | undefined,
  paths: readonly string[],
  format: ExportFormat,
  { neutraliseFormulas, signal }: Writing,
): Promise<number[]> {
  const fileOf = split === undefined ? () => 0 : dealerOf(split, columns);
  const channels = paths.map(() => new PassThrough({ objectMode: true, highWaterMark: 2 }));
  const writers = channels.map((channel, index) => {
    return writeRows({ columns, rows: readingOf(channel) }, paths[index] ?? '', format, { neutraliseFormulas, signal });
  });
  const all = Promise.all(writers);
  // A writer that has failed takes nothing more: waiting for it would never end.
  const failed = all.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  try {
    for await (const batch of rows) {
      const dealt = paths.map((): (readonly Cell[])[] => []);
      for (const row of batch) dealt[fileOf(row)]?.push(row);
      for (const [index, channel] of channels.entries()) {
        const mine = dealt[index] ?? [];
        if (mine.length > 0 && !channel.write(mine)) await Promise.race([once(channel, 'drain'), failed]);
      }
    }
    for (const channel of channels) channel.end();
    return await all;
  } catch (error) {
    for (const channel of channels) channel.destroy(error instanceof Error ? error : new Error(String(error)));
    await Promise.allSettled(writers);
    throw error;
  }
}

/** What was put into a channel. */
async function* readingOf(channel: PassThrough): AsyncGenerator<readonly (readonly Cell[])[]> {
  for await (const batch of channel) yield batch as readonly (readonly Cell[])[];
}
