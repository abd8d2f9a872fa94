import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listParts, noteOfPart } from '@tributary/shared';
import { ignoreMissing, readIfThere, statIfThere } from './files.js';

/** What an output holds at a moment, as far as it takes to see later that nothing of it has gone. */
export interface OutputEvidence {
  /** What names the output; another name is given to one that has lost parts. */
  readonly sink: string;
  /** The size of each part in bytes, by dataset and name. */
  readonly parts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** @returns undefined if there is no output, or a part is missing that was begun: a person has deleted it */
export async function takeEvidence(
  directory: string,
  datasets: readonly string[],
): Promise<OutputEvidence | undefined> {
  const parts: Record<string, Record<string, number>> = {};
  for (const dataset of datasets) {
    const begun = (await readdir(dirname(noteOfPart(directory, dataset, 'part'))).catch(ignoreMissing)) ?? [];
    const sizes: Record<string, number> = {};
    for (const { name, path } of await listParts(directory, dataset)) {
      const found = await statIfThere(path);
      if (found !== undefined) sizes[name] = found.size;
    }
    if (begun.some((name) => sizes[name] === undefined)) return undefined;
    parts[dataset] = sizes;
  }
  const sink = await readIfThere(join(directory, '.tributary', 'sink-id'));
  return sink === undefined || sink === '' ? undefined : { sink, parts };
}

/**
 * Whether the output still holds all that it held: each part is there, and as long as it was. A writer that is done with a part
 * never changes it again, so one of another length was changed by a person or another program.
 */
export async function stillHolds(directory: string, { sink, parts }: OutputEvidence): Promise<boolean> {
  const now = await takeEvidence(directory, Object.keys(parts));
  if (now?.sink !== sink) return false;
  return Object.entries(parts).every(([dataset, sizes]) =>
    Object.entries(sizes).every(([name, size]) => now.parts[dataset]?.[name] === size),
  );
}
