import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { count, type Line, listParts, type Part, readHeader, readPart, SYSTEM_COLUMNS } from '@tributary/shared';
import type { StoredDataset, StoredOutput } from '../port.js';
import { ignoreMissing, statIfThere } from './files.js';

const SAMPLE = 20;

/** What the folder holds, whatever the pipeline file says now. Nothing is changed, and a folder that is missing is not made. */
export async function readStored(directory: string): Promise<StoredOutput> {
  const entries = (await readdir(directory, { withFileTypes: true }).catch(ignoreMissing)) ?? [];
  const datasets: StoredDataset[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const parts = await listParts(directory, entry.name);
    if (parts.length > 0) datasets.push(await readDataset(entry.name, parts));
  }
  return {
    datasets,
    isBegun: datasets.length > 0 || (await statIfThere(join(directory, '.tributary', 'epoch'))) !== undefined,
    droppedColumn: 'its values stay in the parts that have them, and new parts lack the column',
    changedType: 'new rows go to new parts; in the old ones, cells that do not fit the new type are read as empty',
  };
}

async function readDataset(name: string, parts: readonly Part[]): Promise<StoredDataset> {
  const newest = await newestOf(parts);
  const header = (await readHeader(newest.path)) ?? [];
  const system = new Set<string>(SYSTEM_COLUMNS);
  const columns = new Map(header.filter((column) => !system.has(column)).map((column) => [column, undefined]));
  const sample = await sampleOf(newest);
  return { name, amount: count(parts.length, 'part'), isEmpty: sample.length === 0, columns, sample };
}

/** The part that was written to last has the columns of the configuration before. */
async function newestOf(parts: readonly Part[]): Promise<Part> {
  let newest: { readonly part: Part; readonly at: number } | undefined;
  for (const part of parts) {
    const at = (await statIfThere(join(part.path)))?.mtimeMs ?? 0;
    if (newest === undefined || at > newest.at) newest = { part, at };
  }
  if (newest === undefined) throw new Error('a dataset without parts is not looked at');
  return newest.part;
}

async function sampleOf({ path }: Part): Promise<{ key: string; values: Line }[]> {
  const sample: { key: string; values: Line }[] = [];
  try {
    for await (const line of readPart(path)) {
      if (line._deleted !== 'true') sample.push({ key: line._key ?? '', values: line });
      if (sample.length === SAMPLE) break;
    }
  } catch {
    // A line that cannot be read is told by the consumer when it reads the part.
  }
  return sample;
}
