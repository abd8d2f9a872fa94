import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BackupFolder,
  count,
  type Dataset,
  KEPT_BODIES,
  listParts,
  noteOfPart,
  type Part,
} from '@tributary/shared';
import { type CopiedOutput, OUTPUT } from '../copies/port.js';
import { beginningOf, ignoreMissing, readIfThere, statIfThere } from './files.js';
import { type Evidence, PartState, sealOf } from './part-state.js';

/** How often a part is copied again that was replaced meanwhile, by a seal or an erasure. */
const ATTEMPTS = 5;

/** Of `.tributary`, what is copied as it lies there. The epoch tells by which configuration the rows were made. */
const STATE = ['sink-id', 'format', 'epoch'] as const;

/**
 * Copies a CSV output, in this order:
 *
 * - which keys were erased, before the parts: rows that are in them although their key is noted are erased again;
 * - merged rows before the records that they are made of: a record whose merged rows lack gets them from the rebuild of the ledger, and a
 *   merged row whose record lacks would have to wait for it;
 * - of each part what is known of it, and then the part as far as it goes now. It only grows, so it holds at least what is known to be
 *   durable. A line that is being written may be torn, which the seal cuts off when the copy is used.
 */
export async function saveCsv(
  directory: string,
  datasets: readonly Dataset[],
  into: BackupFolder,
  signal: AbortSignal,
): Promise<CopiedOutput> {
  await copyFolder(directory, '.tributary/erased', into);
  const left: string[] = [];
  let parts = 0;
  for (const dataset of await datasetsIn(directory, datasets)) {
    for (const part of await listParts(directory, dataset)) {
      signal.throwIfAborted();
      const saved = await savePart(directory, dataset, part, into);
      if (saved !== undefined) parts += 1;
      if (saved === 'changed') left.push(`${part.path} is not what Tributary wrote: it is copied as it is`);
    }
  }
  for (const name of STATE) await copyFile(directory, join('.tributary', name), into);
  await copyFolder(directory, '.tributary/marks', into);
  await copyFolder(directory, KEPT_BODIES.folder, into);
  return { amount: count(parts, 'part'), left };
}

/** Those of the configuration, merged ones first, and those of earlier ones. */
async function datasetsIn(directory: string, datasets: readonly Dataset[]): Promise<Set<string>> {
  const merged = datasets.filter(({ entity }) => entity === undefined);
  const others = datasets.filter(({ entity }) => entity !== undefined);
  const names = [...merged, ...others].map(({ name }) => name);
  for (const folder of ['begun', 'sealed'])
    names.push(...((await readdir(join(directory, '.tributary', folder)).catch(ignoreMissing)) ?? []));
  return new Set(names);
}

/** @returns undefined if the part has gone: its writer took it back before it held a row */
async function savePart(
  directory: string,
  dataset: string,
  part: Part,
  into: BackupFolder,
): Promise<'sound' | 'changed' | undefined> {
  const state = new PartState(directory);
  const notePath = noteOfPart(directory, dataset, part.name);
  for (let attempt = 1; ; attempt++) {
    const note = await readIfThere(notePath);
    const seal = await sealOf(state.marker(dataset, part.name));
    const evidence = seal === 'sealed' ? await state.evidence(dataset, part.name) : undefined;
    const size = (await statIfThere(part.path))?.size;
    if (size === undefined) return undefined;
    const hash = hashOfBeginning(evidence?.size ?? 0);
    const copied = await into
      .add(`${OUTPUT}${dataset}/${part.name}`, hash.through(beginningOf(part.path, size)))
      .catch(ignoreMissing);
    if (copied === undefined) return undefined;
    const isSound = evidence === undefined || hash.digest() === evidence.sha256;
    const now = seal === 'sealed' ? await state.evidence(dataset, part.name) : undefined;
    const isWhole = copied.bytes === size && now?.sha256 === evidence?.sha256;
    if (!(isWhole && isSound) && attempt < ATTEMPTS) continue;
    const place = (...steps: string[]) => [OUTPUT.slice(0, -1), '.tributary', ...steps, dataset, part.name].join('/');
    if (note !== undefined) await into.add(place('begun'), note);
    if (evidence !== undefined)
      await into.add(`${place('sealed')}/evidence`, JSON.stringify(evidence satisfies Evidence));
    else if (seal === 'sealed') await into.add(place('sealed'), '');
    return isSound ? 'sound' : 'changed';
  }
}

/** The hash of the first bytes of what passes through. */
function hashOfBeginning(bytes: number) {
  const hash = createHash('sha256');
  let left = bytes;
  return {
    async *through(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (left > 0) hash.update(chunk.subarray(0, left));
        left -= chunk.length;
        yield chunk;
      }
    },
    digest: () => hash.digest('hex'),
  };
}

async function copyFile(directory: string, path: string, into: BackupFolder): Promise<void> {
  const text = await readIfThere(join(directory, path));
  if (text !== undefined) await into.add(`${OUTPUT}${path}`, text);
}

/** Files of a folder, which are small and are replaced as a whole. */
async function copyFolder(directory: string, folder: string, into: BackupFolder): Promise<void> {
  for (const entry of (await readdir(join(directory, folder), { withFileTypes: true }).catch(ignoreMissing)) ?? []) {
    const path = join(directory, folder, entry.name);
    if (entry.isFile()) await into.add(`${OUTPUT}${folder}/${entry.name}`, createReadStream(path)).catch(ignoreMissing);
  }
}
