import type { DatasetDescription, DatasetSummary, Download, RowPage, RowQuery, Selection } from '../port.js';
import type { Contents } from './contents.js';
import { FollowedContents, type FollowOptions } from './followed.js';
import { readCells, readPage } from './page.js';
import { type CellReader, cellReaders } from './values.js';

export interface CsvDatasetOptions extends FollowOptions {
  /** The column that holds a row's key. */
  readonly keyColumn: string;
}

/** Minutes of activity that a summary shows. */
const MINUTES = 60;

/** One dataset as its CSV parts hold it. */
export class CsvDataset {
  readonly followed: FollowedContents;
  #activity: { readonly at: string; readonly counts: readonly number[] } = { at: '', counts: [] };

  constructor(private readonly options: CsvDatasetOptions) {
    this.followed = new FollowedContents(options);
  }

  async latestSummary(): Promise<DatasetSummary> {
    await this.followed.fresh();
    return this.summary();
  }

  /** What is known without looking at the disk. */
  summary(): DatasetSummary {
    const { dataset, keyColumn } = this.options;
    const { known, problem } = this.followed;
    const { index, parts } = known;
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
      activity: this.#activityNow(known),
      revision: known.revision,
      indexing: known.caughtUp ? null : { done: read, total: bytes },
      problems: [...(problem === undefined ? [] : [problem]), ...known.problems],
    };
  }

  #activityNow(contents: Contents): readonly number[] {
    const now = this.options.clock.now();
    const at = `${contents.revision} ${Math.floor(now / 60_000)}`;
    if (this.#activity.at !== at) this.#activity = { at, counts: contents.index.activity(now, MINUTES) };
    return this.#activity.counts;
  }

  async describe(): Promise<DatasetDescription> {
    const contents = await this.followed.fresh();
    return {
      ...this.summary(),
      columns: this.#readers(contents).map((reader) => reader.column),
      files: contents.parts.map(({ name, rows, size }) => ({ name, rows, bytes: size })),
    };
  }

  rows(query: RowQuery, signal: AbortSignal): Promise<RowPage> {
    const { followed } = this;
    return followed.retrying(
      () => followed.fresh(),
      async (contents) => {
        const matches = await contents.searches.find(contents, query.search, signal);
        const { revision } = contents;
        const { rows, total } = contents.index.page(query.view, matches, query.offset, query.limit);
        const readers = this.#readers(contents);
        const columns = readers.map((reader) => reader.column);
        return { columns, ...(await readPage(contents, readers, rows, signal)), total, revision };
      },
    );
  }

  /** Waits for a first read to end: a file with some of the rows would be taken for the whole. */
  download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { followed } = this;
    return followed.retrying(
      () => followed.complete(),
      async (contents) => {
        const matches = await contents.searches.find(contents, selection.search, signal);
        signal.throwIfAborted();
        const rows = contents.index.select(selection.view, matches);
        const columns = this.#readers(contents).map((reader) => reader.column.name);
        return { columns, rows: readCells(contents, columns, rows, signal) };
      },
    );
  }

  #readers(contents: Contents): CellReader[] {
    return cellReaders(this.options.dataset, contents.foundColumns, this.options.neutraliseFormulas);
  }
}
