import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listParts, noteOfPart } from '@tributary/shared';
import { hashOfFile, ignoreMissing, readIfThere, statIfThere } from './files.js';
import { PartState } from './part-state.js';

/** What an output holds at a moment, as far as it takes to see later that nothing of it has gone. */
export interface OutputEvidence {
  /** What names the output; another name is given to one that has lost parts. */
  readonly sink: string;
  /** The size of each part in bytes, with what was erased from it, by dataset and name. */
  readonly parts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** @returns undefined if there is no output, or a part is missing that was begun, or was changed: by a person, or another program */
export async function takeEvidence(
  directory: string,
  datasets: readonly string[],
): Promise<OutputEvidence | undefined> {
  const state = new PartState(directory);
  const parts: Record<string, Record<string, number>> = {};
  for (const dataset of datasets) {
    const begun = (await readdir(dirname(noteOfPart(directory, dataset, 'part'))).catch(ignoreMissing)) ?? [];
    const sizes: Record<string, number> = {};
    for (const { name, path } of await listParts(directory, dataset)) {
      const found = await statIfThere(path);
      if (found === undefined) continue;
      if (!(await isAsSealed(state, dataset, name, path, found))) return undefined;
      sizes[name] = await state.sizeWithErased(dataset, name, found.size);
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

/** Whether a part is what it was when it was sealed, also if another text of the same length was put there. */
async function isAsSealed(
  state: PartState,
  dataset: string,
  name: string,
  path: string,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
): Promise<boolean> {
  const evidence = await state.evidence(dataset, name);
  if (evidence === undefined) return true;
  if (evidence.size !== size) return false;
  return evidence.modified === mtimeMs || (await hashOfFile(path, size)) === evidence.sha256;
}
