import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Dataset, partName, type Row, syncFolder } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';
import type { Mark } from '../port.js';
import type { CsvFence } from './fence.js';
import { compileLine, formatLines, headerOf, lineOf } from './format.js';
import { markOfPart } from './marks.js';
import { OpenPart } from './open-part.js';
import type { PartState } from './part-state.js';
import type { PartSeals } from './seal.js';

export interface CsvWriterOptions {
  readonly directory: string;
  readonly dataset: Dataset;
  readonly writer: string;
  readonly epoch: string;
  readonly fence: CsvFence;
  readonly state: PartState;
  readonly seals: PartSeals;
  readonly neutraliseFormulas: boolean;
  readonly maxPartSize: number;
  readonly clock: Clock;
}

/** Rows that wait for the next write. */
interface PendingWrite {
  readonly rows: readonly Row[];
  resolve(mark: Mark | undefined): void;
  reject(error: unknown): void;
}

/**
 * One writer's parts of one dataset. Calls that come while a write is under way go into the next write together: one write
 * and one fsync for all of them. Each call resolves when its own rows are durable.
 */
export class CsvPartWriter {
  readonly #options: CsvWriterOptions;
  readonly #line: ReturnType<typeof compileLine>;
  #part: OpenPart | undefined;
  #number = 0;
  /** Set once this writer may write no more. */
  #lost: WriterLost | undefined;
  readonly #pending: PendingWrite[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: CsvWriterOptions) {
    this.#options = options;
    this.#line = compileLine(options.dataset, options.neutraliseFormulas);
  }

  /** @returns how far the part is durable then */
  async append(rows: readonly Row[]): Promise<Mark | undefined> {
    return rows.length === 0 ? undefined : this.#enqueue(rows);
  }

  /**
   * Looks whether the part is still this writer's and as it left it, as each write does: there may be no write for hours.
   * @throws WriterLost if it is not
   */
  async check(): Promise<void> {
    if (this.#running === undefined && !this.#isClosed) await this.#enqueue([]);
  }

  async close(): Promise<void> {
    // A flush of a session that was abandoned may write later still: it would begin a part that is never closed.
    this.#isClosed = true;
    await this.#running;
    try {
      await this.#endPart();
    } finally {
      // If it could not be cut, it is not sealed either: the consumer that begins the next epoch does both.
      const part = this.#part;
      this.#part = undefined;
      await part?.close();
    }
  }

  #enqueue(rows: readonly Row[]): Promise<Mark | undefined> {
    if (this.#isClosed) return Promise.reject(new WriterLost('lost', 'this writer is closed: its session is over'));
    return new Promise<Mark | undefined>((resolve, reject) => {
      this.#pending.push({ rows, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const group = this.#pending.splice(0);
      try {
        const rows = group.flatMap((write) => write.rows);
        if (rows.length > 0) await this.#write(rows);
        else await this.#look();
        const part = this.#part;
        const name = markOfPart(this.#options.dataset.name, part?.name ?? '');
        for (const { resolve } of group) resolve(part && { name, at: part.end });
      } catch (error) {
        if (error instanceof WriterLost) await this.#abandon(error);
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }

  async #write(rows: readonly Row[]): Promise<void> {
    const { dataset, clock, state, neutraliseFormulas, maxPartSize } = this.#options;
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#part !== undefined && this.#part.end >= maxPartSize) await this.#endPart();
    this.#part ??= await this.#beginPart();
    const part = this.#part;
    // Before anything is written behind what another program has left there.
    await this.#checkOurs(part);
    const writtenAt = new Date(clock.now()).toISOString();
    const content = await formatLines(rows.map((row) => this.#line(row, writtenAt)));
    await part.append(content);
    try {
      await this.#checkFence(part, content.length);
    } catch (error) {
      // The fence could not be looked for, because the folder went away. The same rows will be given again: these must not stay.
      if (!(error instanceof WriterLost)) await part.takeBack();
      throw error;
    }
    part.keep(content);
    await state.noteDurable(dataset, part.name, neutraliseFormulas, part.durable);
  }

  async #look(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#part !== undefined) await this.#checkFence(this.#part);
    else await this.#checkWriter();
  }

  /**
   * Creates the next part, with its header. A writer that was fenced while it had no part open must not put rows into a new
   * part that the fence does not cover. So it looks for its fence once the part is there. A fence that it does not see then
   * is set later, and the consumer that sets it finds the part.
   */
  async #beginPart(): Promise<OpenPart> {
    const { directory, dataset, writer, state, neutraliseFormulas } = this.#options;
    const folder = join(directory, dataset.name);
    await mkdir(folder, { recursive: true });
    const name = partName(writer, ++this.#number);
    const path = join(folder, name);
    const part = new OpenPart(name, path, await open(path, 'ax'));
    try {
      const header = await formatLines([lineOf(headerOf(dataset))]);
      await part.append(header);
      await syncFolder(folder);
      await state.noteBegun(dataset, name, neutraliseFormulas);
      await this.#checkFence(part, header.length);
      part.keep(header);
      return part;
    } catch (error) {
      await part.close();
      await state
        .forgetBegun(dataset.name, name)
        .then(() => unlink(path))
        .catch(() => {});
      throw error;
    }
  }

  /** Leaves the part to the consumer that has fenced this writer, or to the program that has changed it. */
  async #abandon(error: WriterLost): Promise<void> {
    this.#lost = error;
    const part = this.#part;
    this.#part = undefined;
    await part?.close().catch(() => {});
  }

  async #endPart(): Promise<void> {
    const part = this.#part;
    if (part === undefined) return;
    await part.cutIfTorn();
    this.#part = undefined;
    await part.close();
    const { seals, dataset } = this.#options;
    if (!(await seals.sealOwn(dataset.name, part.name, part.evidence))) throw new WriterLost('fenced');
  }

  /** After the write, or the making of a part, never before: see CsvFence. */
  async #checkFence(part: OpenPart, unkept = 0): Promise<void> {
    await this.#checkWriter();
    await this.#checkOurs(part, unkept);
  }

  /** The mark first, and the epoch behind it: when the next epoch has begun, marks of writers of before are removed. */
  async #checkWriter(): Promise<void> {
    const { fence, writer, epoch } = this.#options;
    if (await fence.isFenced(writer)) throw new WriterLost('fenced');
    await fence.holdEpoch(epoch);
  }

  /** No reader, or no reader of a whole line, would see what is written to a part that another program has changed. */
  async #checkOurs(part: OpenPart, unkept = 0): Promise<void> {
    const change = await part.change(unkept);
    if (change === undefined) return;
    // A consumer that seals the part replaces it too, and sets its mark before.
    await this.#checkWriter();
    throw new WriterLost('lost', `${part.path} ${change}; rows that are not durable yet go to a new part`);
  }
}
