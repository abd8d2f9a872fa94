import { isMapping } from '@tributary/shared';
import type { Place } from '../port.js';
import type { Standing } from './formats/framer.js';
import type { FoundFile } from './places/place.js';

/** What is remembered of a file. It is JSON. */
export interface FileState extends FoundFile {
  /** Where the reading stands, in its text. */
  readonly at: number;
  readonly number: number;
  /** Records up to there, the bad ones with them. */
  readonly records: number;
  readonly bad: number;
  /** Whether it was read to its end, or refused as a whole. */
  readonly done: boolean;
  /** Whether it was refused as a whole: nothing of it was read. */
  readonly refused?: boolean | undefined;
  readonly sha256?: string | undefined;
  /** The hash of so many of its first bytes: a file that grew still begins with them. */
  readonly head?: { readonly bytes: number; readonly sha256: string } | undefined;
  /** Where its copy is. */
  readonly archived?: string | undefined;
}

/** A file of which there is a copy. */
export interface ArchivedFile extends FoundFile {
  readonly archived: string;
}

/** What is to be done with a file that was found. */
export type Task =
  | { readonly do: 'nothing' }
  /** @param why what happened to the file that was read before, in words */
  | { readonly do: 'read'; readonly why?: string | undefined }
  | { readonly do: 'continue'; readonly from: Standing; readonly state: FileState }
  /** It grew if it still begins as it did. */
  | { readonly do: 'follow'; readonly from: Standing; readonly state: FileState }
  /** It has another time, and may hold the same. */
  | { readonly do: 'compare'; readonly sha256: string };

/** Files that went away and of which so much is still remembered: a listing may lack a file for a moment. */
const MOST_GONE = 1_000;

/** Which files were read, and how far. */
export class KnownFiles {
  readonly #states: Map<string, FileState>;

  constructor(place: Place | undefined) {
    this.#states = new Map(statesIn(place).map((state) => [state.name, state]));
  }

  get(name: string): FileState | undefined {
    return this.#states.get(name);
  }

  set(state: FileState): void {
    this.#states.set(state.name, state);
  }

  /** What to do with a file. @param append whether files grow */
  taskFor(found: FoundFile, append: boolean): Task {
    const state = this.#states.get(found.name);
    if (state === undefined) return { do: 'read' };
    const from = { at: state.at, number: state.number };
    if (isSame(state, found)) return state.done ? { do: 'nothing' } : { do: 'continue', from, state };
    if (append) {
      if (found.size >= state.size) return { do: 'follow', from, state };
      return { do: 'read', why: `it shrank from ${state.size} to ${found.size} bytes: it is read anew` };
    }
    if (!state.done)
      return { do: 'read', why: 'it was replaced or written to before it was read to its end: it is read anew' };
    if (state.size === found.size && state.sha256 !== undefined) return { do: 'compare', sha256: state.sha256 };
    return { do: 'read', why: 'it is another than the one of its name that was read: it is read anew' };
  }

  /** Forgets what is not there any more. @returns those of them that were not read to their end */
  keepOnly(names: ReadonlySet<string>): readonly FileState[] {
    const gone = [...this.#states.values()].filter(({ name }) => !names.has(name));
    const unfinished = gone.filter(({ done }) => !done);
    const tooMany = gone.filter(({ done }) => done).slice(0, -MOST_GONE);
    for (const { name } of [...unfinished, ...tooMany]) this.#states.delete(name);
    return unfinished;
  }

  /** Whether exactly these files were read to their end, as they are now. */
  areExactly(files: readonly FoundFile[]): boolean {
    const names = new Set(files.map(({ name }) => name));
    const isKnown = (file: FoundFile) => {
      const state = this.#states.get(file.name);
      return state?.done === true && isSame(state, file);
    };
    return files.every(isKnown) && [...this.#states.keys()].every((name) => names.has(name));
  }

  /** Those of which a copy was kept. */
  archived(): readonly ArchivedFile[] {
    return [...this.#states.values()].flatMap((state) => {
      const { archived, name, size, modified, tag } = state;
      return archived === undefined ? [] : [{ name, size, modified, tag, archived }];
    });
  }

  forget(): void {
    this.#states.clear();
  }

  /** All of it, to be saved. */
  place(): Place {
    return { files: [...this.#states.values()] };
  }
}

/** Whether a file was read to its end as it is now. */
export function isRead(known: KnownFiles, file: FoundFile): boolean {
  const state = known.get(file.name);
  return state?.done === true && state.refused !== true && isSame(state, file);
}

export const isSame = (state: FoundFile, found: FoundFile): boolean =>
  state.size === found.size && state.modified === found.modified && state.tag === found.tag;

function statesIn(place: Place | undefined): FileState[] {
  const { files } = (place ?? {}) as { files?: unknown };
  return Array.isArray(files) ? files.filter(isState) : [];
}

const isState = (value: unknown): value is FileState =>
  isMapping(value) &&
  ['name', 'tag'].every((name) => typeof value[name] === 'string') &&
  ['size', 'modified', 'at', 'number', 'records', 'bad'].every((name) => typeof value[name] === 'number') &&
  typeof value.done === 'boolean';
