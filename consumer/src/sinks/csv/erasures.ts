import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Dataset, type Part, replaceFile, syncFolder } from '@tributary/shared';
import {
  done,
  type Erasure,
  type Erasures,
  isPending,
  type Pending,
  readErasure,
  rulesFor,
  type Todo,
  writeErasure,
} from '../../erase/erasure.js';
import { isOf } from '../../erase/where.js';
import type { LandedRow } from '../port.js';
import { ignoreMissing, readIfThere, unlinkIfThere, withFolder } from './files.js';
import { markOfPart } from './marks.js';
import { forEachSealed, type RewriteSurroundings, rewritePart } from './rewrite.js';

export interface CsvErasuresOptions extends RewriteSurroundings {
  readonly clock: Clock;
}

/**
 * Erasures of a CSV output, in `.tributary/erased`: `<hash>.json` says for ever that a key may not come back, and `<hash>.todo` holds the key
 * until its rows are gone. They are two files, so that a process that is slow cannot bring back the second when it writes the first.
 */
export class CsvErasures implements Erasures {
  readonly #options: CsvErasuresOptions;

  constructor(options: CsvErasuresOptions) {
    this.#options = options;
  }

  async list(): Promise<Erasure[]> {
    const names = (await readdir(this.#path()).catch(ignoreMissing)) ?? [];
    const found: Erasure[] = [];
    for (const name of names.filter((one) => /^[0-9a-f]{32}\.json$/.test(one)).sort()) {
      const todo = await readIfThere(this.#path(name.replace('.json', '.todo')));
      const note = readErasure((await readIfThere(this.#path(name))) ?? '');
      found.push({ ...note, todo: todo === undefined ? undefined : (JSON.parse(todo) as Todo) });
    }
    return found;
  }

  async note({ todo, ...note }: Erasure): Promise<void> {
    const path = await withFolder(this.#path(note.hash));
    await replaceFile(`${path}.json`, writeErasure({ ...note, todo: undefined }));
    if (todo !== undefined) await replaceFile(`${path}.todo`, JSON.stringify(todo));
    else await this.#forgetTodo(note.hash);
  }

  /** Also what a process that died has left before it had this name: it holds the key as well. */
  async #forgetTodo(hash: string): Promise<void> {
    let isGone = false;
    for (const name of (await readdir(this.#path()).catch(ignoreMissing)) ?? []) {
      if (name.startsWith(`${hash}.todo`) && (await unlinkIfThere(this.#path(name)))) isGone = true;
    }
    if (isGone) await syncFolder(this.#path());
  }

  /**
   * Does what is still to be done, in an epoch that has just begun.
   * @throws WriterLost if the epoch is over; whoever began the next one does the rest
   */
  async carryOut(epoch: string): Promise<void> {
    const { datasets, fence, clock } = this.#options;
    const pending = (await this.list()).filter(isPending);
    if (pending.length === 0) return;
    const noted = new Map(pending.map((one) => [one.hash, one]));
    for (const dataset of datasets) {
      const meant = pending.filter((one) => rulesFor(one, dataset.name).length > 0);
      if (meant.length === 0) continue;
      await forEachSealed(this.#options, epoch, dataset, async (part) => {
        // One after the other, so that each knows how many rows were its own.
        for (const one of meant) await this.#erase(one, dataset, part, noted);
      });
    }
    await fence.holdEpoch(epoch);
    for (const one of noted.values()) await this.note(done(one, clock.now()));
  }

  async #erase(one: Pending, dataset: Dataset, part: Part, noted: Map<string, Pending>): Promise<void> {
    const { settings, state } = this.#options;
    const rules = rulesFor(one, dataset.name);
    const isErased = (row: LandedRow) => isOf(rules, row, one.todo.key);
    const onFound = async (rows: number) => {
      const before = noted.get(one.hash) ?? one;
      // A part that was found before, by a process that died, still has the same rows, or none.
      const now = { ...before, removed: { ...before.removed, [markOfPart(dataset.name, part.name)]: rows } };
      noted.set(one.hash, now);
      await replaceFile(this.#path(`${one.hash}.json`), writeErasure({ ...now, todo: undefined }));
    };
    await rewritePart({ settings, state, dataset, part, isErased, onFound });
  }

  #path(...steps: string[]): string {
    return join(this.#options.settings.directory, '.tributary', 'erased', ...steps);
  }
}
