import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Dataset, partName, type Row } from '@tributary/shared';
import { WriterLost } from '../ledger/port.js';
import { type CsvFence, syncFolder } from './csv-fence.js';
import { cellsOf, formatLines, headerOf } from './csv-format.js';

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

interface Waiting {
  readonly rows: readonly Row[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One writer's parts of one dataset. Writes that come while one is under way go into the next together: one write and
 * one fsync for all of them, and each batch is told when its own rows are durable.
 */
export class CsvPartWriter {
  #file: FileHandle | undefined;
  #number = 0;
  /** Where the durable lines of the present part end. What lies behind is from a write that failed. */
  #end = 0;
  #torn = false;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(private readonly options: CsvWriterOptions) {}

  append(rows: readonly Row[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ rows, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#running;
    if (this.#file !== undefined) await this.#endPart();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      try {
        await this.#write(group.flatMap(({ rows }) => rows));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }

  async #write(rows: readonly Row[]): Promise<void> {
    if (this.#file !== undefined && this.#end >= this.options.maxPartSize) await this.#endPart();
    this.#file ??= await this.#beginPart();
    const { dataset, clock, neutraliseFormulas } = this.options;
    const writtenAt = new Date(clock.now()).toISOString();
    const lines = rows.map((row) => cellsOf(row, dataset, writtenAt, neutraliseFormulas));
    if (this.#end === 0) lines.unshift(headerOf(dataset));
    const content = await formatLines(lines);
    await this.#appendDurably(this.#file, content);
    await this.#checkFence();
  }

  async #appendDurably(file: FileHandle, content: Buffer): Promise<void> {
    // A failed write may have left part of a line (disk full). It must go before anything is put behind it.
    if (this.#torn) await file.truncate(this.#end);
    this.#torn = true;
    for (let done = 0; done < content.length; ) {
      const { bytesWritten } = await file.write(content, done, content.length - done, this.#end + done);
      done += bytesWritten;
    }
    await file.datasync();
    this.#torn = false;
    this.#end += content.length;
  }

  async #beginPart(): Promise<FileHandle> {
    const folder = join(this.options.directory, this.options.dataset.name);
    await mkdir(folder, { recursive: true });
    const file = await open(join(folder, partName(this.options.writer, ++this.#number)), 'wx');
    this.#end = 0;
    this.#torn = false;
    await syncFolder(folder);
    return file;
  }

  async #endPart(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    const sealed = await this.options.fence.sealOwn(
      this.options.dataset.name,
      partName(this.options.writer, this.#number),
    );
    if (!sealed) throw new WriterLost('fenced');
  }

  /** After the write, never before: see CsvFence. */
  async #checkFence(): Promise<void> {
    const { fence, writer, epoch } = this.options;
    if (await fence.isFenced(writer)) throw new WriterLost('fenced');
    if ((await fence.epoch()) !== epoch) throw new WriterLost('lost');
  }
}
