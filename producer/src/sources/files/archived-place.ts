import type { Archive } from './archive.js';
import { type ArchivedFile, isSame } from './known.js';
import { FileGone, type FilePlace, type FoundFile, type OpenFile } from './places/place.js';

/** The copies of files that are gone from where they were read. */
export class ArchivedPlace implements Pick<FilePlace, 'open'> {
  readonly #archive: Archive;
  readonly #copies: ReadonlyMap<string, ArchivedFile>;

  /**
   * @param there files where they were read: one that is as it was is read there
   * @param moved files that were moved away, perhaps with a number behind their names, and on S3 with another time
   */
  constructor(
    archive: Archive,
    copies: readonly ArchivedFile[],
    there: readonly FoundFile[],
    moved: readonly FoundFile[],
  ) {
    const byName = new Map(there.map((file) => [file.name, file]));
    const movedTo = new Set(
      moved.flatMap(({ name, size }) => [`${name} ${size}`, `${name.replace(/\.\d+$/, '')} ${size}`]),
    );
    const isThere = (copy: ArchivedFile) => {
      const file = byName.get(copy.name);
      return (file !== undefined && isSame(copy, file)) || movedTo.has(`${copy.name} ${copy.size}`);
    };
    this.#archive = archive;
    this.#copies = new Map(copies.filter((copy) => !isThere(copy)).map((copy) => [copy.name, copy]));
  }

  /** In the order of their times. */
  get files(): readonly FoundFile[] {
    return [...this.#copies.values()].toSorted((a, b) => a.modified - b.modified);
  }

  async open(file: FoundFile, signal: AbortSignal): Promise<OpenFile> {
    const copy = this.#copies.get(file.name);
    if (copy === undefined) throw new FileGone('gone', 'there is no copy of it');
    return await this.#archive.open(copy.archived, file, signal);
  }
}
