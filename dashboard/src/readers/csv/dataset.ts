import { type Clock, type Dataset, describeError, type Logger, RetryableError } from '@tributary/shared';
import type { DatasetDescription, DatasetSummary, Download, RowPage, RowQuery, Selection } from '../port.js';
import { Contents } from './contents.js';
import { follow } from './follow.js';
import { readCells, readPage } from './page.js';
import { PartReplacedError } from './part-file.js';
import { type CellReader, cellReaders } from './values.js';

export interface CsvDatasetOptions {
  readonly dataset: Dataset;
  readonly keyColumn: string;
  readonly directory: string;
  readonly neutraliseFormulas: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a call waits for what is new before it answers with what is known, in milliseconds. */
const PATIENCE = 400;
/** Minutes of activity that a summary shows. */
const MINUTES = 60;
/** How often a call begins anew when parts are replaced under it. */
const ATTEMPTS = 3;

/** One dataset as its CSV parts hold it: an index in memory of where each row lies, extended as the parts grow. */
export class CsvDataset {
  #contents: Contents;
  #following: Promise<void> | undefined;
  #problem: string | undefined;
  #activity: { for: string; counts: number[] } = { for: '', counts: [] };

  constructor(private readonly options: CsvDatasetOptions) {
    this.#contents = new Contents(options.dataset, 1);
  }

  /** What keeps the parts from being read; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes in what is new. One run at a time: who comes during it waits for the same one. Never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    this.#following ??= this.#follow(signal).finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#following;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { directory, dataset, log } = this.options;
    for (let attempt = 1; ; attempt++) {
      try {
        await follow(this.#contents, directory, dataset.name, signal);
        this.#problem = undefined;
        return;
      } catch (error) {
        if (error instanceof PartReplacedError) {
          log.info(
            { dataset: dataset.name, part: error.part },
            'this part is another file now: reading the dataset anew',
          );
          this.#contents = new Contents(dataset, this.#contents.generation + 1);
          if (attempt < ATTEMPTS) continue;
        }
        const problem = `the parts of ${dataset.name} cannot be read: ${describeError(error)}`;
        if (problem !== this.#problem) log.warn({ dataset: dataset.name }, `${problem}; the next request tries again`);
        this.#problem = problem;
        return;
      }
    }
  }

  /** Waits for what is new, but not for long: a first read of much data goes on behind the answer. */
  async #fresh(signal: AbortSignal): Promise<Contents> {
    const enough = new AbortController();
    await Promise.race([this.refresh(signal), this.options.clock.sleep(PATIENCE, enough.signal)]);
    enough.abort();
    return this.#contents;
  }

  async latestSummary(signal: AbortSignal): Promise<DatasetSummary> {
    await this.#fresh(signal);
    return this.summary();
  }

  /** What is known without looking at the disk. */
  summary(): DatasetSummary {
    const { dataset, keyColumn } = this.options;
    const contents = this.#contents;
    const { index, parts } = contents;
    const bytes = parts.reduce((sum, part) => sum + part.size, 0);
    const read = parts.reduce((sum, part) => sum + part.read, 0);
    const last = index.lastWrittenAt;
    return {
      name: dataset.name,
      entity: dataset.entity ?? null,
      key: keyColumn,
      rows: index.count,
      keys: index.keys,
      bytes,
      parts: parts.length,
      lastWrittenAt: last === undefined ? null : new Date(last).toISOString(),
      activity: this.#activityNow(contents),
      revision: contents.revision,
      indexing: read < bytes ? { done: read, total: bytes } : null,
      problems: [...(this.#problem === undefined ? [] : [this.#problem]), ...contents.problems],
    };
  }

  #activityNow(contents: Contents): number[] {
    const now = this.options.clock.now();
    const key = `${contents.revision} ${Math.floor(now / 60_000)}`;
    if (this.#activity.for !== key) this.#activity = { for: key, counts: contents.index.activity(now, MINUTES) };
    return this.#activity.counts;
  }

  async describe(signal: AbortSignal): Promise<DatasetDescription> {
    const { parts } = await this.#fresh(signal);
    return {
      ...this.summary(),
      columns: this.#readers().map((reader) => reader.column),
      files: parts.map(({ name, rows, size }) => ({ name, rows, bytes: size })),
    };
  }

  #readers(): CellReader[] {
    return cellReaders(this.options.dataset, this.#contents.foundColumns, this.options.neutraliseFormulas);
  }

  rows(query: RowQuery, signal: AbortSignal, closed: AbortSignal): Promise<RowPage> {
    return this.#retrying(closed, async (contents) => {
      const matches = await contents.searches.find(contents, query.search, signal);
      const { rows, total } = contents.index.page(query.view, matches, query.offset, query.limit);
      const { revision } = contents;
      const readers = this.#readers();
      const columns = readers.map((reader) => reader.column);
      return { columns, ...(await readPage(contents, readers, rows, signal)), total, revision };
    });
  }

  download(selection: Selection, signal: AbortSignal, closed: AbortSignal): Promise<Download> {
    return this.#retrying(closed, async () => {
      const contents = await this.#complete(signal, closed);
      const matches = await contents.searches.find(contents, selection.search, signal);
      const rows = contents.index.select(selection.view, matches);
      const columns = this.#readers().map((reader) => reader.column.name);
      return { columns, rows: readCells(contents, columns, rows, signal) };
    });
  }

  /** Waits until everything is read: a file with a part of the rows would be taken for the whole. */
  async #complete(signal: AbortSignal, closed: AbortSignal): Promise<Contents> {
    await this.refresh(closed);
    signal.throwIfAborted();
    if (this.#problem !== undefined) throw new RetryableError('unreadable', this.#problem);
    return this.#contents;
  }

  async #retrying<T>(closed: AbortSignal, read: (contents: Contents) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const contents = await this.#fresh(closed);
      try {
        return await read(contents);
      } catch (error) {
        if (!(error instanceof PartReplacedError) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}
