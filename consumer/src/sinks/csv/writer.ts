import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Dataset, partName, type Row } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';
import type { CsvFence } from './fence.js';
import { statIfThere, syncFolder } from './files.js';
import { cellsOf, formatLines, headerOf } from './format.js';

export interface CsvWriterOptions {
  readonly directory: string;
  readonly dataset: Dataset;
  readonly writer: string;
  readonly epoch: string;
  readonly fence: CsvFence;
  readonly neutraliseFormulas: boolean;
  readonly maxPartSize: number;
  readonly clock: Clock;
}

/** Rows that wait for the next write. */
interface PendingWrite {
  readonly rows: readonly Row[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One writer's parts of one dataset. Calls that come while a write is under way go into the next write together: one write
 * and one fsync for all of them. Each call resolves when its own rows are durable.
 */
export class CsvPartWriter {
  readonly #options: CsvWriterOptions;
  #file: FileHandle | undefined;
  #number = 0;
  /** Where the durable lines of the present part end. What lies behind comes from a write that failed. */
  #end = 0;
  #torn = false;
  /** Set once this writer may write no more. */
  #lost: WriterLost | undefined;
  readonly #pending: PendingWrite[] = [];
  #running: Promise<void> | undefined;

  constructor(options: CsvWriterOptions) {
    this.#options = options;
  }

  async append(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ rows, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#running;
    try {
      await this.#endPart();
    } finally {
      // If it could not be cut, it is not sealed either: the consumer that begins the next epoch does both.
      const file = this.#file;
      this.#file = undefined;
      await file?.close();
    }
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const group = this.#pending.splice(0);
      try {
        await this.#write(group.flatMap(({ rows }) => rows));
        for (const { resolve } of group) resolve();
      } catch (error) {
        if (error instanceof WriterLost) await this.#abandon(error);
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }

  async #write(rows: readonly Row[]): Promise<void> {
    const { dataset, clock, neutraliseFormulas, maxPartSize } = this.#options;
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#end >= maxPartSize) await this.#endPart();
    this.#file ??= await this.#beginPart();
    const writtenAt = new Date(clock.now()).toISOString();
    const lines = rows.map((row) => cellsOf(row, dataset, writtenAt, neutraliseFormulas));
    const before = this.#end;
    await this.#appendDurably(this.#file, await formatLines(lines));
    await this.#checkFence(this.#file, this.#path).catch(async (error: unknown) => {
      if (!(error instanceof WriterLost)) await this.#takeBack(this.#file, before);
      throw error;
    });
  }

  /** The fence could not be looked for, because the folder went away. The same rows will be given again, so these must not stay. */
  async #takeBack(file: FileHandle | undefined, end: number): Promise<void> {
    this.#end = end;
    this.#torn = true;
    if (file !== undefined) await this.#cut(file).catch(() => {});
  }

  async #appendDurably(file: FileHandle, content: Buffer): Promise<void> {
    if (this.#torn) await this.#cut(file);
    this.#torn = true;
    try {
      await writeAll(file, content, this.#end);
      await file.datasync();
    } catch (error) {
      // If this fails too, it is done before anything is written behind it.
      await this.#cut(file).catch(() => {});
      throw error;
    }
    this.#torn = false;
    this.#end += content.length;
  }

  /** Removes what a failed write (such as on a full disk) has left behind the durable lines. */
  async #cut(file: FileHandle): Promise<void> {
    await file.truncate(this.#end);
    this.#torn = false;
  }

  /**
   * Creates the next part, with its header. A writer that was fenced while it had no part open must not put rows into a new
   * part that the fence does not cover. So it looks for its fence once the part is there. A fence that it does not see then
   * is set later, and the consumer that sets it finds the part.
   */
  async #beginPart(): Promise<FileHandle> {
    const { directory, dataset, writer, fence, neutraliseFormulas } = this.#options;
    const folder = join(directory, dataset.name);
    await mkdir(folder, { recursive: true });
    const name = partName(writer, ++this.#number);
    const path = join(folder, name);
    const file = await open(path, 'wx');
    try {
      const header = await formatLines([headerOf(dataset)]);
      await writeAll(file, header, 0);
      await syncFolder(folder);
      await fence.noteBegun(dataset.name, name, neutraliseFormulas);
      await this.#checkFence(file, path);
      this.#end = header.length;
      return file;
    } catch (error) {
      await file.close();
      await fence
        .forgetBegun(dataset.name, name)
        .then(() => unlink(path))
        .catch(() => {});
      throw error;
    }
  }

  /** Leaves the part to the consumer that has fenced this writer. */
  async #abandon(error: WriterLost): Promise<void> {
    this.#lost = error;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
  }

  async #endPart(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    // A sealed part is not repaired any more: what is torn would stay so.
    if (this.#torn) await this.#cut(file);
    this.#file = undefined;
    this.#end = 0;
    await file.close();
    const { fence, dataset, writer } = this.#options;
    if (!(await fence.sealOwn(dataset.name, partName(writer, this.#number)))) throw new WriterLost('fenced');
  }

  get #path(): string {
    const { directory, dataset, writer } = this.#options;
    return join(directory, dataset.name, partName(writer, this.#number));
  }

  /** After the write, or the making of a part, never before: see CsvFence. */
  async #checkFence(file: FileHandle, path: string): Promise<void> {
    const { fence, writer, epoch } = this.#options;
    if (await fence.isFenced(writer)) throw new WriterLost('fenced');
    if ((await fence.epoch()) !== epoch) throw new WriterLost('lost');
    // A person may have deleted the part, or saved it from an editor: no reader will see what is written to this handle.
    const [own, seen] = await Promise.all([file.stat(), statIfThere(path)]);
    if (seen?.ino === own.ino && seen.dev === own.dev) return;
    throw new WriterLost(
      'lost',
      `${path} was deleted or replaced by another program or person; rows that are not durable yet go to a new part`,
    );
  }
}

async function writeAll(file: FileHandle, content: Buffer, position: number): Promise<void> {
  for (let done = 0; done < content.length; ) {
    const { bytesWritten } = await file.write(content, done, content.length - done, position + done);
    done += bytesWritten;
  }
}
