import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dataset, type Part, random, syncFolder, wholeLinesEnd } from '@tributary/shared';
import {
  hashOfFile,
  ignoreMissing,
  publishFolder,
  readIfThere,
  removeFolder,
  statIfThere,
  withFolder,
} from './files.js';
import { formatLines, headerOf, lineOf } from './format.js';
import { OPEN_QUOTE, readPartRows } from './part-rows.js';
import { type Durable, type Evidence, type PartState, sealOf } from './part-state.js';

/**
 * Seals parts: no writer writes to a sealed part any more, and what it was then is kept as evidence of later changes.
 *
 * A part is sealed when the folder `sealed/<dataset>/<part>` has its name. It comes under this name in one step, with all that is
 * in it, and only one of several consumers can do that; see publishFolder.
 */
export class PartSeals {
  readonly #state: PartState;

  constructor(state: PartState) {
    this.#state = state;
  }

  /** A writer is done with a part of its own. @returns false if another consumer has fenced the writer before */
  async sealOwn(dataset: string, name: string, evidence: Evidence): Promise<boolean> {
    for (;;) {
      const marker = await withFolder(this.#state.marker(dataset, name));
      const temporary = temporaryOf(marker);
      try {
        await mkdir(temporary);
        await writeEvidence(temporary, evidence);
        return await publishFolder(temporary, marker);
      } catch (error) {
        // Another consumer has sealed the part, and removed the temporary files: look again.
        ignoreMissing(error as NodeJS.ErrnoException);
      } finally {
        await removeFolder(temporary).catch(() => {});
      }
    }
  }

  /**
   * Puts a copy of the part's whole lines in its place, so that a late write goes to a file that no reader sees.
   *
   * Several consumers may do this at once, and each may be held up, or die, between any two steps. The copy that is published
   * first, with its evidence, is the one that counts; consumers that come later help to put it in place. When it is gone from
   * the marker, it is in place.
   */
  async seal(dataset: Dataset, part: Part): Promise<void> {
    // The part may go away: a writer that finds its fence removes the part that it was about to begin.
    while ((await statIfThere(part.path)) !== undefined) {
      const marker = await withFolder(this.#state.marker(dataset.name, part.name));
      const seal = await sealOf(marker);
      if (seal === 'sealed') return await removeTemporaries(marker);
      // Older versions put the copy beside the part and linked it. It is made again, from the same whole lines.
      if (seal === 'old copy') await rename(marker, part.path).catch(ignoreMissing);
      else if (seal === 'copied') await putInPlace(join(marker, 'copy'), part);
      else await this.#publishCopy(dataset, part, marker);
    }
  }

  async #publishCopy(dataset: Dataset, part: Part, marker: string): Promise<void> {
    const { durable } = (await this.#state.begun(dataset.name, part.name)) ?? {};
    const temporary = temporaryOf(marker);
    try {
      await mkdir(temporary);
      const copy = join(temporary, 'copy');
      await writeEvidence(temporary, await copyWholeLines(part.path, copy, dataset, durable));
      await publishFolder(temporary, marker);
    } catch (error) {
      // Another consumer was faster, and has removed the temporary files: look again.
      ignoreMissing(error as NodeJS.ErrnoException);
    } finally {
      await removeFolder(temporary).catch(() => {});
    }
  }
}

export const temporaryOf = (marker: string): string => `${marker}-${random()}`;

export async function writeEvidence(folder: string, evidence: Evidence): Promise<void> {
  await writeFile(join(folder, 'evidence'), JSON.stringify(evidence), { flush: true });
  await syncFolder(folder);
}

/** Safe for several consumers at once: all of them put the same copy in the same place, and the part never changes afterwards. */
export async function putInPlace(copy: string, part: Pick<Part, 'name' | 'path'>): Promise<void> {
  try {
    await rename(copy, part.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another consumer was faster.
    if (code === 'ENOENT') return;
    if (code !== 'EXDEV') throw error;
    await putAcrossFileSystems(copy, part);
  }
  await syncFolder(dirname(part.path));
  await syncFolder(dirname(copy)).catch(ignoreMissing);
}

/** The dataset's folder may be on another disk than the output's own folder. */
async function putAcrossFileSystems(copy: string, part: Pick<Part, 'name' | 'path'>): Promise<void> {
  const temporary = join(dirname(part.path), `.${part.name}-${random()}`);
  try {
    await copyFile(copy, temporary);
    const file = await open(temporary, 'r+');
    await file.datasync().finally(() => file.close());
    await rename(temporary, part.path);
    await syncFolder(dirname(part.path));
    await unlink(copy);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    ignoreMissing(error as NodeJS.ErrnoException);
  }
}

/**
 * Copies a part up to the end of its last whole line. If even the header was torn, the copy gets a header. The copy is cut and
 * not the part, because the part may still grow or shrink.
 *
 * @param durable how the part began when its writer last noted it. If it does not begin so any more, another program has changed
 * it. Then this, and not what is there now, is the evidence: whoever compares finds that rows are gone.
 */
async function copyWholeLines(
  from: string,
  to: string,
  dataset: Dataset,
  durable: Durable | undefined,
): Promise<Evidence> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const isSound = durable === undefined || (await beginsWith(to, durable, (await stat(to)).size));
  const { size, modified } = await endLine(to, dataset, isSound ? await wholeLinesEnd(to) : undefined);
  // With no time of its own, so that whoever compares reads it.
  if (durable !== undefined && !isSound) return { ...durable, modified: 0 };
  return { size, sha256: await hashOfFile(to, size), modified };
}

/**
 * Lets a file end with a line end. A part that has not even its header gets one; a file that is no part at all, such as a
 * spreadsheet's own format, is left as it is.
 * @param wholeEnd where the last line of the writer ends; of a part that another program has changed, what is torn at its end is cut
 */
export async function endLine(
  path: string,
  dataset: Dataset,
  wholeEnd?: number,
): Promise<{ readonly size: number; readonly modified: number }> {
  const { size } = await stat(path);
  const end = wholeEnd ?? (await readableEnd(path, dataset));
  const header = await formatLines([lineOf(headerOf(dataset))]);
  const file = await open(path, 'r+');
  try {
    if (end === 0 && (await isTornHeader(path, size, header))) {
      await file.truncate(0);
      await file.writeFile(header);
    } else if (end > 0 && end < size) await file.truncate(end);
    await file.datasync();
    const { size: length, mtimeMs: modified } = await file.stat();
    return { size: length, modified };
  } finally {
    await file.close();
  }
}

/** Whether a file still begins as it did. */
export const beginsWith = async (path: string, durable: Durable, size: number): Promise<boolean> =>
  size >= durable.size && (await hashOfFile(path, durable.size)) === durable.sha256;

async function isTornHeader(path: string, size: number, header: Buffer): Promise<boolean> {
  return size < header.length && header.toString().startsWith((await readIfThere(path)) ?? '');
}

/**
 * Where a part ends that another program has changed: it is left as it is, but for what was torn at its end. A file must not end
 * in the middle of a line.
 */
async function readableEnd(path: string, dataset: Dataset): Promise<number> {
  let cut: number | undefined;
  let isTorn = false;
  for await (const line of readPartRows(path, { dataset, neutralised: false, verify: false })) {
    const isWhole = line.ended && 'row' in line;
    cut = isWhole ? undefined : (cut ?? line.offset);
    isTorn = !line.ended || ('fault' in line && line.fault === OPEN_QUOTE);
  }
  return isTorn && cut !== undefined ? cut : (await stat(path)).size;
}

/** Removes copies that were left by consumers that were slower, or died. */
async function removeTemporaries(marker: string): Promise<void> {
  const folder = dirname(marker);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path.startsWith(`${marker}-`)) await removeFolder(path).catch(() => {});
  }
}
