import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, random, readText, replaceFile } from '@tributary/shared';
import { checkFormat, OUTPUT_FORMAT } from '../output-format.js';
import type { CsvFence } from './fence.js';
import { publishFolder, readIfThere, removeFolder, withFolder } from './files.js';
import type { Change, Losses } from './losses.js';

export interface IdentityOptions {
  readonly directory: string;
  readonly fence: CsvFence;
  readonly losses: Losses;
  readonly log: Logger;
}

/** So many parts that another program changed are told one by one. */
const TOLD = 10;

/**
 * What names an output. One from which parts were deleted, or whose parts were changed by another program, is another output: what
 * is gone must land again, and only a rebuild of the ledger and a poll of everything can do that.
 */
export class OutputIdentity {
  readonly #options: IdentityOptions;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  /** The name is made at its first use; of several consumers at the same time, one makes it. */
  async name(): Promise<string> {
    const path = await withFolder(join(this.#options.directory, '.tributary', 'sink-id'));
    await this.#checkFormat();
    for (;;) {
      const known = await readIfThere(path);
      if (known) return await this.#unlessChanged(path, known);
      await makeName(path);
    }
  }

  async #checkFormat(): Promise<void> {
    const { directory } = this.#options;
    const path = join(directory, '.tributary', 'format');
    const found = await readIfThere(path);
    checkFormat(found, directory);
    if (found === undefined) await replaceFile(path, String(OUTPUT_FORMAT));
  }

  /** Gives the output another name, because it is an older copy of itself. */
  async renew(): Promise<void> {
    await replaceFile(await withFolder(join(this.#options.directory, '.tributary', 'sink-id')), random());
  }

  /**
   * @param known read before the parts are looked at, so that consumers that find the same changes at the same time give the same
   * new name
   */
  async #unlessChanged(path: string, known: string): Promise<string> {
    const { losses } = this.#options;
    const changes = await this.#changes();
    const lost = changes.filter((change) => change.lost);
    if (lost.length > 0) {
      this.#tell(lost, 'what it held is polled again, and rows that are still readable in it count as written');
      // Before the changes are accepted: if this consumer dies in between, the next one finds them again.
      await replaceFile(path, nextName(known, lost));
    }
    const added = changes.filter((change) => !change.lost);
    this.#tell(added, 'what is added is left there, and is no row of Tributary');
    for (const change of changes) await losses.accept(change);
    return lost.length === 0 ? known : await readText(path);
  }

  /** A part that is still open to a writer is sealed first, so that nothing is written behind what another program left. */
  async #changes(): Promise<Change[]> {
    const { losses, fence } = this.#options;
    for (;;) {
      const changes = await losses.find({ open: true });
      const writers = new Set(changes.flatMap(({ openTo }) => openTo ?? []));
      if (writers.size === 0) return changes;
      for (const writer of writers) await fence.fence(writer);
    }
  }

  #tell(changes: readonly Change[], done: string): void {
    for (const { path, what } of changes.slice(0, TOLD)) this.#options.log.warn({ path }, `${path} ${what}; ${done}`);
    const more = changes.length - TOLD;
    if (more > 0) this.#options.log.warn({ parts: more }, `${more} more parts are changed or gone; ${done}`);
  }
}

/**
 * Writes a first name. Each consumer that finds none offers one in a folder: of several at the same time, one gives its folder the name
 * that all look at, and all write what is in there. The folder is removed once the name is written, so a consumer that offers its own after
 * that finds the name.
 */
async function makeName(path: string): Promise<void> {
  const offered = `${path}-offered`;
  const own = `${offered}-${random()}`;
  try {
    await mkdir(own);
    await writeFile(join(own, 'name'), random(), { flush: true });
    await publishFolder(own, offered);
    const name = await readIfThere(join(offered, 'name'));
    if (name && !(await readIfThere(path))) await replaceFile(path, name);
    if (await readIfThere(path)) await removeFolder(offered).catch(unlessFilled);
  } finally {
    await removeFolder(own).catch(() => {});
  }
}

/** Another consumer has put its folder there in between, and removes it. */
function unlessFilled(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}

function nextName(known: string, lost: readonly Change[]): string {
  const hash = createHash('sha256').update(known);
  for (const { path, now } of lost) hash.update(`\n${path}\n${now?.sha256 ?? ''}`);
  return hash.digest('hex').slice(0, 16);
}
