import {
  type DatasetDescription,
  type DatasetSummary,
  type Download,
  type Facets,
  type KeyPattern,
  type RowPage,
  type RowQuery,
  type Selection,
  type Sort,
  UnknownColumnError,
  type VersionPlace,
  type Versions,
} from '../port.js';
import type { Contents } from './contents.js';
import { facetsOf } from './facets.js';
import { FollowedContents, type FollowOptions } from './followed.js';
import { readCells, readPage } from './page.js';
import { openPart } from './part-file.js';
import { sortedPage } from './sort.js';
import { type CellReader, cellReaders } from './values.js';

export interface CsvDatasetOptions extends FollowOptions {
  /** The column that holds a row's key. */
  readonly keyColumn: string;
  /** As of sortedPage. */
  readonly mostTexts?: number | undefined;
}

/** A key that changes every minute for years has more versions than should be read for one page. */
const VERSIONS_READ = 1_000;

/** Minutes of activity that a summary shows. */
const MINUTES = 60;

function placeOf({ index, parts }: Contents, row: number): VersionPlace {
  const { part, offset } = index.place(row);
  const name = parts[part]?.name ?? '';
  const [, writer = null] = /^part-(.+)-\d+\.csv$/.exec(name) ?? [];
  const record = index.recordOf(row);
  const { rows, first } = index.batchOf(row);
  const begin = record - (row - first);
  const batch = { rows, records: [begin, begin + rows - 1] as const };
  return { place: `${name}, record ${record}, at byte ${offset}`, writer, batch };
}

/** @throws UnknownColumnError for a column that the dataset does not have */
function checkColumns({ where, sort }: Selection & { sort?: Sort | undefined }, readers: readonly CellReader[]): void {
  for (const { column } of [...where, ...(sort === undefined ? [] : [sort])]) {
    if (!readers.some((reader) => reader.column.name === column)) throw new UnknownColumnError(column);
  }
}

/** One dataset as its CSV parts hold it. */
export class CsvDataset {
  readonly followed: FollowedContents;
  readonly #options: CsvDatasetOptions;
  #activity: { readonly at: string; readonly counts: readonly number[] } = { at: '', counts: [] };

  constructor(options: CsvDatasetOptions) {
    this.#options = options;
    this.followed = new FollowedContents(options);
  }

  async latestSummary(): Promise<DatasetSummary> {
    await this.followed.fresh();
    return this.summary();
  }

  /** What is known without looking at the disk. */
  summary(): DatasetSummary {
    const { dataset, keyColumn } = this.#options;
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
    const now = this.#options.clock.now();
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

  async part(name: string) {
    const { parts } = await this.followed.fresh();
    const part = parts.find((one) => one.name === name);
    // A file that no consumer wrote may be a link to any file of this machine.
    if (part === undefined || part.problem !== undefined || part.end === 0) return undefined;
    // A last line that is not whole yet is left out. The part may grow until it is read: what is sent has the length that was told.
    const { end } = part;
    const file = await openPart(part);
    return { bytes: end, read: () => file.createReadStream({ start: 0, end: end - 1 }) };
  }

  rows(query: RowQuery, signal: AbortSignal): Promise<RowPage> {
    const { followed } = this;
    return followed.retrying(
      () => followed.fresh(),
      async (contents) => {
        const readers = this.#readers(contents);
        checkColumns(query, readers);
        const moment = contents.index.moment();
        const matches = await contents.searches.find(contents, moment, query, readers, signal);
        const { rows, total } =
          query.sort === undefined
            ? moment.page(query.view, matches, query.offset, query.limit)
            : await sortedPage(
                contents,
                { rows: moment.newestFirst(query.view, matches), upTo: moment.count },
                { ...query, sort: query.sort },
                readers,
                { mostTexts: this.#options.mostTexts, signal },
              );
        const columns = readers.map((reader) => reader.column);
        const facets = query.facets === true ? facetsOf(contents, moment.select(query.view, matches), readers) : null;
        const revision = contents.revisionAt(moment);
        const page = await readPage(contents, readers, rows, signal);
        return { columns, ...page, order: 'newest', total, facets, revision };
      },
    );
  }

  /** Waits for a first read to end: a file with some of the rows would be taken for the whole. */
  download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { followed } = this;
    return followed.retrying(
      () => followed.complete(),
      async (contents) => {
        const readers = this.#readers(contents);
        checkColumns(selection, readers);
        const moment = contents.index.moment();
        const matches = await contents.searches.find(contents, moment, selection, readers, signal);
        signal.throwIfAborted();
        const rows = moment.select(selection.view, matches);
        const columns = readers.map((reader) => reader.column.name);
        // Looked up, not searched for: a part with ten thousand columns would take their square for each row.
        const byName = new Map(readers.map((reader) => [reader.column.name, reader]));
        const decode = (name: string, cell: string) => byName.get(name)?.whole(cell);
        return { columns, rows: readCells(contents, columns, rows, signal), decode };
      },
    );
  }

  facets(selection: Selection, signal: AbortSignal): Promise<Facets> {
    const { followed } = this;
    return followed.retrying(
      () => followed.fresh(),
      async (contents) => {
        const readers = this.#readers(contents);
        checkColumns(selection, readers);
        const moment = contents.index.moment();
        const matches = await contents.searches.find(contents, moment, selection, readers, signal);
        const facets = facetsOf(contents, moment.select(selection.view, matches), readers);
        const { total } = moment.page(selection.view, matches, 0, 0);
        return { facets, total, revision: contents.revisionAt(moment) };
      },
    );
  }

  versions(key: string, limit: number, signal: AbortSignal): Promise<Versions> {
    const { followed } = this;
    return followed.retrying(
      () => followed.fresh(),
      async (contents) => {
        const all = contents.index.rowsOf(key);
        const readers = this.#readers(contents);
        const columns = readers.map((reader) => reader.column);
        const recent = all.slice(0, VERSIONS_READ);
        const { rows } = await readPage(contents, readers, recent, signal);
        const [version, messageId] = ['_version', '_message_id'].map((name) =>
          columns.findIndex((one) => one.name === name),
        );
        const orderOf = (row: readonly unknown[]) =>
          this.#options.dataset.orderOf(String(row[version ?? -1] ?? ''), String(row[messageId ?? -1] ?? ''));
        const found = rows.map((row, index) => ({ row, order: orderOf(row), number: recent[index] ?? 0 }));
        found.sort((a, b) => (a.order < b.order ? 1 : a.order > b.order ? -1 : b.number - a.number));
        const shown = found.slice(0, limit);
        const places = shown.map(({ number }) => placeOf(contents, number));
        return { columns, rows: shown.map(({ row }) => row), places, total: all.length };
      },
    );
  }

  async keys(pattern: KeyPattern, limit: number): Promise<{ keys: string[]; total: number }> {
    const { index } = await this.followed.fresh();
    const position = pattern.place === 'first' ? 0 : 1;
    const fits = (key: string) => key.includes(pattern.part) && key.split('/')[position] === pattern.part;
    const keys: string[] = [];
    for (const key of index.liveKeys()) if (fits(key)) keys.push(key);
    return { keys: keys.sort().slice(0, limit), total: keys.length };
  }

  #readers(contents: Contents): CellReader[] {
    return cellReaders(this.#options.dataset, contents.foundColumns, this.#options.neutraliseFormulas);
  }
}
