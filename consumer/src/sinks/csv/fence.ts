import { copyFile, link, mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dataset, listParts, noteOfPart, type Part, wholeLinesEnd, writeNote } from '@tributary/shared';
import { ignoreMissing, random, readIfThere, replaceFile, statIfThere, syncFolder, unlessThere } from './files.js';
import { formatLines, headerOf } from './format.js';

/**
 * Fences the writers of a CSV output, which may only seem dead. The files are in `<output>/.tributary`:
 *
 *     sink-id                  names this output
 *     epoch                    the epoch that writers must belong to
 *     fenced/<writer>          this writer may write no more
 *     begun/<dataset>/<part>   this part was begun, and should be there; says whether its formulas are neutralised
 *     sealed/<dataset>/<part>  no writer writes to this part any more
 *     marks/<pipeline>.json    how far the endpoints came, where there is no Redis (tributary/src/library/mark-file.ts)
 *
 * A writer looks for its fence after each write, before it calls the write durable. The consumer that fences it sets the
 * mark first and copies the part after. So either the writer sees the mark, or its write is in the copy.
 */
export class CsvFence {
  readonly #directory: string;
  readonly #datasets: readonly Dataset[];

  constructor(directory: string, datasets: readonly Dataset[]) {
    this.#directory = directory;
    this.#datasets = datasets;
  }

  /** @returns what names this output. It is made at its first use; of several consumers at the same time, one makes it. */
  async identity(): Promise<string> {
    const path = await this.#path('sink-id');
    if (await this.#forgetMissingParts()) await replaceFile(path, random());
    const known = await readIfThere(path);
    if (known !== undefined && known !== '') return known;
    const temporary = `${path}-${random()}`;
    await writeFile(temporary, random(), { flush: true });
    await unlessThere(link(temporary, path));
    await unlink(temporary);
    return readFile(path, 'utf8');
  }

  /**
   * An output from which a person has deleted parts is another output: what they held must land again, and only a rebuild of
   * the ledger and a poll of everything can do that.
   * @returns whether parts are missing
   */
  async #forgetMissingParts(): Promise<boolean> {
    let missing = false;
    for (const dataset of this.#datasets) {
      const folder = dirname(await this.#note(dataset.name, 'part'));
      // Listed in this order, so that a part that is begun meanwhile is not taken for missing.
      const begun = await readdir(folder);
      const there = new Set((await listParts(this.#directory, dataset.name)).map(({ name }) => name));
      for (const name of begun.filter((one) => !there.has(one))) {
        // If the note is gone, its writer has taken the part back, or another consumer has noticed too.
        if (await unlinkIfThere(join(folder, name))) missing = true;
      }
    }
    return missing;
  }

  /** Notes a part when it is there, and before it holds rows. If the part lacks later, it was deleted. */
  async noteBegun(dataset: string, name: string, neutraliseFormulas: boolean): Promise<void> {
    const path = await this.#note(dataset, name);
    await writeFile(path, writeNote(neutraliseFormulas), { flush: true });
  }

  async forgetBegun(dataset: string, name: string): Promise<void> {
    await unlink(await this.#note(dataset, name)).catch(ignoreMissing);
  }

  async epoch(): Promise<string | undefined> {
    return readIfThere(join(this.#directory, '.tributary', 'epoch'));
  }

  /** Sets the epoch, then fences every writer whose parts are not sealed. */
  async beginEpoch(epoch: string): Promise<void> {
    const path = await this.#path('epoch');
    await replaceFile(path, epoch);
    for (const dataset of this.#datasets) {
      for (const part of await listParts(this.#directory, dataset.name)) {
        if (await this.#isSealed(dataset, part.name)) continue;
        await this.#mark(part.writer);
        await this.#seal(dataset, part);
      }
    }
  }

  /** Fences one writer: sets its mark, then seals each of its parts. */
  async fence(writer: string): Promise<void> {
    await this.#mark(writer);
    for (const dataset of this.#datasets) {
      for (const part of await listParts(this.#directory, dataset.name)) {
        if (part.writer === writer) await this.#seal(dataset, part);
      }
    }
  }

  async isFenced(writer: string): Promise<boolean> {
    return (await statIfThere(join(this.#directory, '.tributary', 'fenced', writer))) !== undefined;
  }

  /** A writer is done with a part of its own. @returns false if another consumer has fenced the writer before */
  async sealOwn(dataset: string, name: string): Promise<boolean> {
    const marker = await this.#path('sealed', dataset, name);
    return unlessThere(writeFile(marker, '', { flag: 'wx' }));
  }

  async #mark(writer: string): Promise<void> {
    const path = await this.#path('fenced', writer);
    await writeFile(path, '');
    await syncFolder(dirname(path));
  }

  async #isSealed(dataset: Dataset, name: string): Promise<boolean> {
    return (await statIfThere(await this.#path('sealed', dataset.name, name)))?.size === 0;
  }

  /**
   * Puts a copy of the part's whole lines in its place, so that a late write goes to a file that no reader sees.
   *
   * Several consumers may do this at once, and each may be held up, or die, between any two steps. The copy that is linked
   * first as the marker is the one that counts; consumers that come later help to put it in place. An empty marker means
   * that it is done.
   */
  async #seal(dataset: Dataset, part: Part): Promise<void> {
    // The part may go away: a writer that finds its fence removes the part that it was about to begin.
    while ((await statIfThere(part.path)) !== undefined) {
      const marker = await this.#path('sealed', dataset.name, part.name);
      const found = await statIfThere(marker);
      if (found?.size === 0) return;
      const temporary = `${temporaryPrefix(part)}${random()}`;
      try {
        if (found === undefined) {
          await copyWholeLines(part.path, temporary, dataset);
          await unlessThere(link(temporary, marker));
          await unlink(temporary);
          continue;
        }
        await link(marker, temporary);
        // Since it was looked at, the marker may have become the empty one, which must never be put in place.
        if ((await stat(temporary)).ino === found.ino) await rename(temporary, part.path);
        await syncFolder(dirname(part.path));
        await replaceFile(marker, '');
        await removeTemporaries(part);
      } catch (error) {
        await unlink(temporary).catch(ignoreMissing);
        // Another consumer was faster, and has removed the temporary files: look again.
        ignoreMissing(error as NodeJS.ErrnoException);
      }
    }
  }

  #note(dataset: string, name: string): Promise<string> {
    return withFolder(noteOfPart(this.#directory, dataset, name));
  }

  #path(...steps: string[]): Promise<string> {
    return withFolder(join(this.#directory, '.tributary', ...steps));
  }
}

async function withFolder(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  return path;
}

/**
 * Copies a part up to the end of its last whole line. If even the header was torn, the copy gets a header. The copy is cut and
 * not the part, because the part may still grow or shrink.
 */
async function copyWholeLines(from: string, to: string, dataset: Dataset): Promise<void> {
  await copyFile(from, to);
  const end = await wholeLinesEnd(to);
  const file = await open(to, 'r+');
  try {
    await file.truncate(end);
    if (end === 0) await file.writeFile(await formatLines([headerOf(dataset)]));
    await file.datasync();
  } finally {
    await file.close();
  }
}

const unlinkIfThere = (path: string): Promise<boolean> =>
  unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => ignoreMissing(error) ?? false,
  );

const temporaryPrefix = (part: Part): string => join(dirname(part.path), `.${part.name}-`);

/** Removes copies of a sealed part that were left by consumers that were slower, or died. */
async function removeTemporaries(part: Part): Promise<void> {
  const folder = dirname(part.path);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path.startsWith(temporaryPrefix(part))) await unlink(path).catch(ignoreMissing);
  }
}
