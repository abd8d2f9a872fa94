import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@tributary/shared';
import { type Folder, takeFolder } from '../../data/readers/csv/folder.js';
import { type DatasetReader, SinkNotSetError } from '../../data/readers/port.js';

/** Milliseconds. A file that took longer to make is given again for a while, or the dashboard would do nothing but make files. */
const QUICK = 1_000;
const REST = 10;

interface Made {
  readonly path: string;
  readonly revision: string;
  /** When it was begun, by a clock that nobody sets. */
  readonly at: number;
  readonly took: number;
  /** The last moment at which it was known to hold all rows. */
  asOf: string;
  readers: number;
}

/** A file with all datasets as of one moment. */
export interface TablesFile {
  readonly path: string;
  readonly asOf: string;
  /** The file may be removed. May be called twice. */
  release(): void;
}

/**
 * Files with all datasets, for processes that run queries on them for as long as they like while the parts are followed here. One file is given
 * to all who ask as long as nothing is written.
 */
export class TablesFiles {
  readonly #reader: DatasetReader;
  readonly #clock: Clock;
  readonly #above: string;
  #folder: Promise<Folder> | undefined;
  #last: Made | undefined;
  #making: Promise<Made> | undefined;
  #number = 0;

  constructor(reader: DatasetReader, clock: Clock, above: string = tmpdir()) {
    this.#reader = reader;
    this.#clock = clock;
    this.#above = above;
  }

  /** A folder of this process alone, which is removed with it. */
  async folder(): Promise<string> {
    this.#folder ??= takeFolder(this.#above, undefined);
    return (await this.#folder).path;
  }

  /** @throws RetryableError if not every part can be read: without its rows every sum would be wrong */
  async take(): Promise<TablesFile> {
    this.#making ??= this.#current().finally(() => {
      this.#making = undefined;
    });
    const made = await this.#making;
    made.readers += 1;
    let isMine = true;
    const release = () => {
      if (!isMine) return;
      isMine = false;
      made.readers -= 1;
      this.#removeUnused(made);
    };
    return { path: made.path, asOf: made.asOf, release };
  }

  async close(): Promise<void> {
    await this.#making?.catch(() => {});
    const folder = await this.#folder?.catch(() => undefined);
    await folder?.remove();
  }

  async #current(): Promise<Made> {
    const last = this.#last;
    const at = this.#clock.monotonic();
    if (last !== undefined && last.took > QUICK && at - last.at < last.took * REST) return last;
    // What is written behind this look is in the file or not: then the next one looks again.
    const looked = new Date(this.#clock.now()).toISOString();
    const revision = (await this.#reader.list()).map((one) => `${one.revision} ${one.indexing?.done ?? ''}`).join('; ');
    if (last?.revision === revision) {
      last.asOf = looked;
      return last;
    }
    const path = join(await this.folder(), `tables-${this.#number++}.duckdb`);
    const snapshot = await this.#reader.snapshot?.(path);
    if (snapshot === undefined) throw new SinkNotSetError('what this pipeline writes cannot be asked in SQL');
    const made = { path, revision, at, took: this.#clock.monotonic() - at, asOf: snapshot.asOf, readers: 0 };
    this.#last = made;
    if (last !== undefined) this.#removeUnused(last);
    return made;
  }

  #removeUnused(made: Made): void {
    if (made.readers > 0 || made === this.#last) return;
    void rm(made.path, { force: true }).catch(() => {});
  }
}
