import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { hashOfFile, statIfThere } from './files.js';
import type { Durable, Evidence } from './part-state.js';

const MOST_FALSE_ALARMS = 10;

/** The part that a writer writes to now. It is opened to append, so that no write can leave a gap behind a file that was cut. */
export class OpenPart {
  readonly name: string;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  /** Where the durable lines end. What lies behind comes from a write that failed. */
  #end = 0;
  #torn = false;
  /** When this writer changed the file last, by the file system's clock, in milliseconds. */
  #modified = 0;
  /** How often the file had another time and the same content. Some file systems set times later. */
  #falseAlarms = 0;

  constructor(name: string, path: string, file: FileHandle) {
    this.name = name;
    this.path = path;
    this.#file = file;
  }

  get end(): number {
    return this.#end;
  }

  get durable(): Durable {
    return { size: this.#end, sha256: this.#hash.copy().digest('hex') };
  }

  /**
   * Writes lines behind the others and syncs them. They count once {@link keep} is called; until then {@link takeBack} removes them.
   */
  async append(content: Buffer): Promise<void> {
    if (this.#torn) await this.cut();
    this.#torn = true;
    try {
      await writeAll(this.#file, content);
      await this.#file.datasync();
      this.#modified = (await this.#file.stat()).mtimeMs;
    } catch (error) {
      // If this fails too, it is done before anything is written behind it.
      await this.cut().catch(() => {});
      throw error;
    }
  }

  keep(content: Buffer): void {
    this.#hash.update(content);
    this.#end += content.length;
    this.#torn = false;
  }

  async takeBack(): Promise<void> {
    await this.cut().catch(() => {});
  }

  /** Removes what a failed write (such as on a full disk) has left behind the durable lines. */
  async cut(): Promise<void> {
    const { size } = await this.#file.stat();
    // A file that another program has cut must not grow again: it would be filled with zeros.
    if (size > this.#end) await this.#file.truncate(this.#end);
    this.#modified = (await this.#file.stat()).mtimeMs;
    this.#torn = false;
  }

  /**
   * Whether another program or a person has changed this part: deleted, replaced, cut or added to it.
   * @param unkept bytes that were appended and not kept yet
   * @returns what seems to have happened, behind the part's path; undefined if it is as this writer left it
   */
  async change(unkept = 0): Promise<string | undefined> {
    const [own, seen] = await Promise.all([this.#file.stat(), statIfThere(this.path)]);
    if (seen === undefined) return 'was deleted or replaced by another program or person (it is gone)';
    if (!seen.isFile()) return 'was deleted or replaced by another program or person (it is no file any more)';
    if (seen.ino !== own.ino || seen.dev !== own.dev) {
      return 'was deleted or replaced by another program or person (editors and spreadsheets save like this)';
    }
    const expected = this.#end + unkept;
    const sizes = `it was ${expected} bytes long and is ${own.size}`;
    if (own.size < expected) return `was cut or emptied by another program or person: ${sizes}`;
    // What a write of our own that failed has left may not be cut off yet.
    const isTorn = this.#torn && unkept === 0;
    if (own.size > expected && !isTorn) return `was added to by another program or person: ${sizes}`;
    return own.mtimeMs === this.#modified || isTorn ? undefined : await this.#changeInPlace(own.mtimeMs, unkept);
  }

  /** The file was touched: compares its content, unless its time tells nothing. */
  async #changeInPlace(modified: number, unkept: number): Promise<string | undefined> {
    if (unkept > 0 || this.#falseAlarms > MOST_FALSE_ALARMS) return undefined;
    if ((await hashOfFile(this.path, this.#end)) !== this.durable.sha256) {
      return 'was changed in place by another program or person: it is as long as before, and other text stands in it';
    }
    this.#falseAlarms++;
    this.#modified = modified;
    return undefined;
  }

  /** What the part has to be from now on. */
  get evidence(): Evidence {
    return { ...this.durable, modified: this.#modified };
  }

  /** A sealed part is not repaired any more, so what is torn is cut before. */
  async cutIfTorn(): Promise<void> {
    if (this.#torn) await this.cut();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function writeAll(file: FileHandle, content: Buffer): Promise<void> {
  for (let done = 0; done < content.length; ) {
    const { bytesWritten } = await file.write(content, done, content.length - done);
    done += bytesWritten;
  }
}
