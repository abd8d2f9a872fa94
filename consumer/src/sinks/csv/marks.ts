import { join } from 'node:path';
import { type Dataset, listParts } from '@tributary/shared';
import type { Inspection, Marks } from '../port.js';
import { statIfThere } from './files.js';
import type { PartState } from './part-state.js';

/** The name of a part's mark, which says how many bytes of it are durable. It is the part's place in the output, too. */
export const markOfPart = (dataset: string, name: string): string => `${dataset}/${name}`;

/**
 * Compares the parts with the sizes that they had. No part gets shorter: lines are only added, and what is cut off when a part
 * is sealed was never durable. So a part that is shorter, or not there, is one of an older copy of the folder. What was erased from a part
 * counts as still there.
 *
 * Of a part that its writer may still write to, only the writer knows how much is durable. So only sealed ones are measured here.
 */
export async function inspectParts(
  directory: string,
  datasets: readonly Dataset[],
  state: Pick<PartState, 'isSealed' | 'sizeWithErased'>,
  kept: Marks,
): Promise<Inspection> {
  const lost = await findLost(directory, state, kept);
  if (lost !== undefined) return { lost, marks: {} };
  const marks: Record<string, string> = {};
  for (const { name: dataset } of datasets) {
    for (const { name, path } of await listParts(directory, dataset)) {
      const mark = markOfPart(dataset, name);
      if (!(await state.isSealed(dataset, name))) continue;
      const size = (await statIfThere(path))?.size ?? 0;
      if (kept[mark] === String(size)) continue;
      const whole = String(await state.sizeWithErased(dataset, name, size));
      if (kept[mark] !== whole) marks[mark] = whole;
    }
  }
  return { lost, marks };
}

/** Which parts a dataset has, how long they are and when they were changed. A part that was rewritten is another file. */
export async function sizesOf(directory: string, dataset: string): Promise<string> {
  const sizes: string[] = [];
  for (const { name, path } of await listParts(directory, dataset)) {
    const found = await statIfThere(path);
    sizes.push(`${name} ${found?.ino} ${found?.size} ${found?.mtimeMs}`);
  }
  return sizes.join('\n');
}

async function findLost(
  directory: string,
  state: Pick<PartState, 'sizeWithErased'>,
  kept: Marks,
): Promise<string | undefined> {
  for (const [mark, size] of Object.entries(kept)) {
    const path = join(directory, mark);
    const found = await statIfThere(path);
    if (found === undefined) return `${path} is gone, which held ${size} bytes`;
    if (found.size < Number(size) && (await wholeSize(path, mark, state)) < Number(size)) {
      return `${path} has ${found.size} bytes, and had ${size}: it is an older copy, or was cut`;
    }
  }
  return undefined;
}

/** Looked at until it holds still: rows may be erased from the part between two looks. */
async function wholeSize(path: string, mark: string, state: Pick<PartState, 'sizeWithErased'>): Promise<number> {
  const [dataset = '', name = ''] = mark.split('/');
  for (;;) {
    const before = (await statIfThere(path))?.size ?? 0;
    const whole = await state.sizeWithErased(dataset, name, before);
    if ((await statIfThere(path))?.size === before || before === 0) return whole;
  }
}
