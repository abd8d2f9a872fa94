import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dataset, listParts, noteOfPart, type Part } from '@tributary/shared';
import { hashOfFile, ignoreMissing, statIfThere, unlinkIfThere } from './files.js';
import type { Evidence, PartState } from './part-state.js';
import { beginsWith, endLine } from './seal.js';

/** A part that is not what its writer left. */
export interface Change {
  readonly dataset: Dataset;
  readonly name: string;
  readonly path: string;
  /** Its writer, if no seal keeps this writer from the part; undefined if the part is sealed, or gone. */
  readonly openTo: string | undefined;
  /** Whether rows that were there may be gone. False if something was only added behind them. */
  readonly lost: boolean;
  /** What seems to have happened, behind the part's name. */
  readonly what: string;
  /** What it is now; undefined if it is gone, or not sealed. */
  readonly now: Evidence | undefined;
}

/** How thoroughly parts are looked at. */
export interface Look {
  /** Whether parts that are being written are read too, as far as they are noted to be durable. */
  readonly open: boolean;
}

interface Seen {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
}

/** Finds out which parts another program or a person has deleted, replaced or changed. */
export class Losses {
  readonly #directory: string;
  readonly #datasets: readonly Dataset[];
  readonly #state: PartState;
  /** Sealed parts that were as they should be, by path: they are not looked into again while they look the same. */
  #sound = new Map<string, Seen>();

  constructor(directory: string, datasets: readonly Dataset[], state: PartState) {
    this.#directory = directory;
    this.#datasets = datasets;
    this.#state = state;
  }

  async find(look: Look): Promise<Change[]> {
    const changes: Change[] = [];
    const sound = new Map<string, Seen>();
    for (const dataset of this.#datasets) {
      // Listed in this order, so that a part that is begun meanwhile is not taken for missing.
      const begun = (await readdir(this.#begunFolder(dataset)).catch(ignoreMissing)) ?? [];
      const parts = await listParts(this.#directory, dataset.name);
      const there = new Set(parts.map(({ name }) => name));
      for (const name of begun) {
        const gone = there.has(name) ? undefined : await this.#missing(dataset, name);
        if (gone !== undefined) changes.push(gone);
      }
      for (const part of parts) {
        const change = await this.#look(dataset, part, look, sound);
        if (change !== undefined) changes.push(change);
      }
    }
    this.#sound = sound;
    return changes;
  }

  /** Takes a part for what it is now. Safe for several consumers at once, and safe to repeat. */
  async accept({ dataset, name, path, now }: Change): Promise<void> {
    if (now === undefined) {
      await unlinkIfThere(noteOfPart(this.#directory, dataset.name, name));
      return;
    }
    try {
      const { size, modified } = await endLine(path, dataset);
      const evidence = { ...now, size, sha256: await hashOfFile(path, size), modified, changed: true };
      await this.#state.replaceEvidence(dataset.name, name, evidence);
    } catch (error) {
      // It went away meanwhile, which the next look finds.
      ignoreMissing(error as NodeJS.ErrnoException);
    }
  }

  #begunFolder = (dataset: Dataset): string => dirname(noteOfPart(this.#directory, dataset.name, 'part'));

  async #missing(dataset: Dataset, name: string): Promise<Change | undefined> {
    const path = join(this.#directory, dataset.name, name);
    const found = await statIfThere(path);
    // A listing of a network file system may be old.
    if (found?.isFile() === true) return undefined;
    // If the note is gone, its writer has taken the part back, or another consumer has noticed too.
    if ((await statIfThere(noteOfPart(this.#directory, dataset.name, name))) === undefined) return undefined;
    const what =
      found === undefined ? 'is gone' : `is no file any more (${found.isDirectory() ? 'a folder' : 'something else'})`;
    return { dataset, name, path, openTo: undefined, lost: true, what, now: undefined };
  }

  async #look(dataset: Dataset, part: Part, look: Look, sound: Map<string, Seen>): Promise<Change | undefined> {
    const before = this.#sound.get(part.path);
    const seen = await statIfThere(part.path);
    if (seen?.isFile() !== true) return this.#missing(dataset, part.name);
    if (before !== undefined && isSame(before, seen)) {
      sound.set(part.path, before);
      return undefined;
    }
    if (await this.#state.isSealed(dataset.name, part.name)) return this.#lookAtSealed(dataset, part, sound);
    return this.#lookAtOpen(dataset, part, look);
  }

  async #lookAtSealed(dataset: Dataset, part: Part, sound: Map<string, Seen>): Promise<Change | undefined> {
    const { name, path } = part;
    const evidence = await this.#state.evidence(dataset.name, name);
    // Again, and behind the look at the seal: until then the part could still be replaced by its copy.
    const seen = await statIfThere(path);
    // It was there a moment ago: the next look will miss it by its note.
    if (seen === undefined) return undefined;
    const { size, mtimeMs: modified } = seen;
    if (evidence === undefined || (evidence.size === size && evidence.modified === modified)) {
      sound.set(path, seen);
      return undefined;
    }
    const now: Evidence = { ...evidence, size, sha256: await hashOfFile(path, size), modified };
    if (now.sha256 === evidence.sha256 && size === evidence.size) {
      // A copy of a backup has another time. If the new time cannot be kept, the content is compared once more next time.
      await this.#state.replaceEvidence(dataset.name, name, now).catch(() => {});
      sound.set(path, seen);
      return undefined;
    }
    // Rows were erased from it meanwhile, which is no change of another program.
    const again = await this.#state.evidence(dataset.name, name);
    if (again?.sha256 !== evidence.sha256) return this.#lookAtSealed(dataset, part, sound);
    const lost = !(await beginsWith(path, evidence, size));
    const what = lost
      ? changeInWords(evidence.size, size)
      : `was added to by another program: it was ${evidence.size} bytes long and is ${size}`;
    return { dataset, name, path, openTo: undefined, lost, what, now };
  }

  async #lookAtOpen(dataset: Dataset, { name, path, writer }: Part, look: Look): Promise<Change | undefined> {
    const note = await this.#state.begun(dataset.name, name);
    const { durable } = note ?? {};
    const seen = await statIfThere(path);
    if (seen === undefined || durable === undefined || durable.size === 0) return undefined;
    if (seen.size >= durable.size && (!look.open || (await beginsWith(path, durable, seen.size)))) return undefined;
    // Its writer may have noted more meanwhile; a note is not read and written in one step.
    const again = await this.#state.begun(dataset.name, name);
    if (again?.durable?.sha256 !== durable.sha256)
      return this.#lookAtOpen(dataset, { name, path, writer, number: 0 }, look);
    const what = changeInWords(durable.size, seen.size);
    return { dataset, name, path, openTo: writer, lost: true, what, now: undefined };
  }
}

const isSame = (a: Seen, b: Seen): boolean => a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino;

function changeInWords(was: number, is: number): string {
  const sizes = `it was ${was} bytes long and is ${is}`;
  if (is === 0) return `was emptied by another program or person: ${sizes}`;
  return is < was
    ? `was cut, or saved anew, by another program or person: ${sizes}`
    : `was saved anew by another program or person (an editor, a spreadsheet): ${sizes}`;
}
