import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dataset, listParts, replaceFile, syncFolder } from '@tributary/shared';
import { EPOCH_OVER, WriterLost } from '../../writer-lost.js';
import { ignoreMissing, readIfThere, statIfThere, unlinkIfThere, withFolder } from './files.js';
import type { PartState } from './part-state.js';
import type { PartSeals } from './seal.js';

export interface FenceOptions {
  readonly directory: string;
  readonly datasets: readonly Dataset[];
  readonly state: PartState;
  readonly seals: PartSeals;
}

/**
 * Fences the writers of a CSV output, which may only seem dead. The files are in `<output>/.tributary`:
 *
 *     running/<token>          a consumer that runs, and its pipeline (presence.ts)
 *     sink-id                  names this output (identity.ts)
 *     format                   the number of the form of all this (output-format.ts)
 *     epoch                    the epoch that writers must belong to
 *     fenced/<writer>          this writer may write no more; it goes when an epoch begins
 *     begun/<dataset>/<part>   this part was begun, and should be there (part-state.ts)
 *     sealed/<dataset>/<part>  no writer writes to this part any more (seal.ts)
 *     erased/<hash>.json       a key that was erased, and may not come back (erasures.ts)
 *     marks/<pipeline>.json    how far the endpoints came, where there is no Redis (tributary/src/library/mark-file.ts)
 *
 * A writer looks for its fence after each write, before it calls the write durable. The consumer that fences it sets the
 * mark first and copies the part after. So either the writer sees the mark, or its write is in the copy.
 *
 * A writer looks for its mark first and for its epoch behind that. Within one epoch a mark has to stay for ever: no file tells whether a
 * process on another machine is gone or sleeps. Once another epoch has begun, the epoch alone fences all writers of those before, since no
 * name of an epoch is used twice. So marks are removed then, and a writer that misses its own finds that its epoch is over.
 */
export class CsvFence {
  readonly #options: FenceOptions;

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  async epoch(): Promise<string | undefined> {
    return readIfThere(join(this.#options.directory, '.tributary', 'epoch'));
  }

  /** @throws WriterLost if the epoch is over: another consumer has begun a newer one */
  async holdEpoch(epoch: string): Promise<void> {
    if ((await this.epoch()) !== epoch) throw new WriterLost('lost', EPOCH_OVER);
  }

  /** Sets the epoch, fences every writer whose parts are not sealed, and removes the marks of writers that were fenced before. */
  async beginEpoch(epoch: string): Promise<void> {
    const { directory, datasets, state, seals } = this.#options;
    // Before the epoch begins: whoever is held up here, until others have begun a later one, must leave the marks of that one.
    const fencedBefore = (await readdir(join(directory, '.tributary', 'fenced')).catch(ignoreMissing)) ?? [];
    await replaceFile(await this.#path('epoch'), epoch);
    for (const dataset of datasets) {
      for (const part of await listParts(directory, dataset.name)) {
        if (await state.isSealed(dataset.name, part.name)) continue;
        await this.#mark(part.writer);
        await seals.seal(dataset, part);
      }
    }
    for (const writer of fencedBefore) await unlinkIfThere(join(directory, '.tributary', 'fenced', writer));
  }

  /** Fences one writer: sets its mark, then seals each of its parts. */
  async fence(writer: string): Promise<void> {
    const { directory, datasets, seals } = this.#options;
    await this.#mark(writer);
    for (const dataset of datasets) {
      for (const part of await listParts(directory, dataset.name)) {
        if (part.writer === writer) await seals.seal(dataset, part);
      }
    }
  }

  async isFenced(writer: string): Promise<boolean> {
    return (await statIfThere(join(this.#options.directory, '.tributary', 'fenced', writer))) !== undefined;
  }

  async #mark(writer: string): Promise<void> {
    const path = await this.#path('fenced', writer);
    await writeFile(path, '');
    await syncFolder(dirname(path));
  }

  #path(...steps: string[]): Promise<string> {
    return withFolder(join(this.#options.directory, '.tributary', ...steps));
  }
}
