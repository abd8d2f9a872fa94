import { createHash } from 'node:crypto';
import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, isMapping, noteOfPart, replaceFile, writeNote } from '@tributary/shared';
import { ignoreMissing, readIfThere, statIfThere, unlinkIfThere, withFolder } from './files.js';

/** The beginning of a part as it was when it was durable. */
export interface Durable {
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of them. */
  readonly sha256: string;
}

/** What a part was when it ended, by which a later change is noticed. */
export interface Evidence extends Durable {
  /** Milliseconds since the epoch. Another time asks for a look at the content, and is no change by itself. */
  readonly modified: number;
  /** Another program or person has changed the part: each of its rows has to prove itself by its hash. */
  readonly changed?: boolean | undefined;
  /** Bytes of rows that were erased from it since (rewrite.ts). */
  readonly removed?: number | undefined;
}

/** What the note of a part says that was begun. */
export interface BegunNote {
  /** Names the columns and types that its rows were made by; undefined in notes of older versions. */
  readonly made: string | undefined;
  /** How far its rows were durable at least; undefined in notes of older versions. */
  readonly durable: Durable | undefined;
}

/** Names the columns and types of a dataset: rows that were made by others cannot be held to their hashes. */
export const madeBy = ({ hashedAs, columns }: Dataset): string =>
  createHash('sha256')
    .update(JSON.stringify([hashedAs, columns]))
    .digest('hex')
    .slice(0, 16);

const DIGITS = 15;
/** Always of the same length, so that it can be written over in place: no other space on the disk is needed for it. */
const durableLine = ({ size, sha256 }: Durable): string => `durable ${String(size).padStart(DIGITS, '0')} ${sha256}\n`;
const NOTHING: Durable = { size: 0, sha256: createHash('sha256').digest('hex') };

/**
 * What is kept about the parts of an output, beside the parts:
 *
 *     begun/<dataset>/<part>            this part was begun, and should be there: how it was made, and how far it is durable
 *     sealed/<dataset>/<part>/evidence  what it was when it ended (an empty file `sealed/<dataset>/<part>` in older versions)
 *     sealed/<dataset>/<part>/rewritten-<n>/evidence  what it is since rows were erased from it, the n-th time (rewrite.ts)
 */
export class PartState {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Notes a part when it is there, and before it holds rows. If the part lacks later, it was deleted. */
  async noteBegun({ name: dataset, ...rest }: Dataset, name: string, neutraliseFormulas: boolean): Promise<void> {
    const path = await withFolder(noteOfPart(this.#directory, dataset, name));
    const head = noteHead(neutraliseFormulas, madeBy({ name: dataset, ...rest }));
    await writeFile(path, `${head}${durableLine(NOTHING)}`, { flush: true });
  }

  async forgetBegun(dataset: string, name: string): Promise<void> {
    await unlinkIfThere(noteOfPart(this.#directory, dataset, name));
  }

  /**
   * Notes how far a part is durable. It is not synced: after a loss of power an older line may stand there, which claims less.
   * It never fails: the rows are durable with or without it.
   */
  async noteDurable(dataset: Dataset, name: string, neutraliseFormulas: boolean, durable: Durable): Promise<void> {
    try {
      const file = await open(noteOfPart(this.#directory, dataset.name, name), 'r+');
      try {
        const head = noteHead(neutraliseFormulas, madeBy(dataset));
        await file.write(durableLine(durable), head.length);
      } finally {
        await file.close();
      }
    } catch {
      // The next write notes it.
    }
  }

  async begun(dataset: string, name: string): Promise<BegunNote | undefined> {
    const text = await readIfThere(noteOfPart(this.#directory, dataset, name));
    if (text === undefined) return undefined;
    const { size, sha256 } = /^durable (?<size>\d{15}) (?<sha256>[0-9a-f]{64})$/m.exec(text)?.groups ?? {};
    const durable = sha256 === undefined ? undefined : { size: Number(size), sha256 };
    return { made: /^made (\S+)$/m.exec(text)?.[1], durable };
  }

  /** Where it stands that no writer writes to this part any more. */
  marker(dataset: string, name: string): string {
    return join(this.#directory, '.tributary', 'sealed', dataset, name);
  }

  /** @returns undefined for a part that is not sealed, or was by an older version */
  async evidence(dataset: string, name: string): Promise<Evidence | undefined> {
    const path = join(await this.#current(dataset, name), 'evidence');
    const text = await readIfThere(path).catch(ignoreFileInTheWay);
    return text === undefined ? undefined : parseEvidence(text);
  }

  async replaceEvidence(dataset: string, name: string, evidence: Evidence): Promise<void> {
    await replaceFile(join(await this.#current(dataset, name), 'evidence'), JSON.stringify(evidence));
  }

  /** How often rows were erased from a part: copies that have their place, and perhaps one that is about to take it. */
  async rewritten(dataset: string, name: string): Promise<number> {
    const names = (await readdir(this.marker(dataset, name)).catch(ignoreNoFolder)) ?? [];
    return Math.max(0, ...names.map((one) => Number(/^rewritten-(\d+)$/.exec(one)?.[1] ?? 0)));
  }

  rewrite(dataset: string, name: string, number: number): string {
    return join(this.marker(dataset, name), `rewritten-${number}`);
  }

  /**
   * How long a part would be if nothing had been erased from it. A part never gets shorter by that measure.
   * @param size of the part
   */
  async sizeWithErased(dataset: string, name: string, size: number): Promise<number> {
    const { size: known, removed = 0 } = (await this.evidence(dataset, name)) ?? {};
    return known === size ? size + removed : size;
  }

  /** The folder with the evidence that holds now. A copy that is still in its folder has not taken the part's place. */
  async #current(dataset: string, name: string): Promise<string> {
    for (let number = await this.rewritten(dataset, name); number > 0; number--) {
      const folder = this.rewrite(dataset, name, number);
      if ((await statIfThere(join(folder, 'copy'))) === undefined) return folder;
    }
    return this.marker(dataset, name);
  }

  async isSealed(dataset: string, name: string): Promise<boolean> {
    return (await sealOf(this.marker(dataset, name))) === 'sealed';
  }
}

const noteHead = (neutraliseFormulas: boolean, made: string): string =>
  `${writeNote(neutraliseFormulas)}\nmade ${made}\n`;

/**
 * What a part's marker says: `copied` if the copy that replaces the part is chosen and not yet in its place; `old copy` is the
 * same as older versions left it.
 */
export async function sealOf(marker: string): Promise<'sealed' | 'copied' | 'old copy' | undefined> {
  const found = await statIfThere(marker);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return found.size === 0 ? 'sealed' : 'old copy';
  return (await statIfThere(join(marker, 'copy'))) === undefined ? 'sealed' : 'copied';
}

function parseEvidence(text: string): Evidence | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isMapping(value)) return undefined;
  const { size, sha256, modified, changed, removed } = value;
  if (typeof size !== 'number' || typeof sha256 !== 'string' || typeof modified !== 'number') return undefined;
  return { size, sha256, modified, changed: changed === true, removed: typeof removed === 'number' ? removed : 0 };
}

/** A marker of older versions is a file, which holds no evidence. */
function ignoreFileInTheWay(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOTDIR') throw error;
}

function ignoreNoFolder(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOTDIR') ignoreMissing(error);
}
