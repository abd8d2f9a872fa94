import type { DatasetDescription, DatasetSummary, View } from '../port.js';
import type { Ask, Cells, Statement, Store, Stream, Tables } from '../query/dialect.js';
import { orderBy } from '../query/where.js';
import { columnsOf } from './columns.js';
import type { Contents } from './contents.js';
import { DUCKDB } from './dialect.js';
import { FollowedContents, type FollowOptions } from './followed.js';
import { checkPart, openPart, type PartFile } from './part-file.js';
import { placesOf } from './places.js';

export interface CsvDatasetOptions extends FollowOptions {
  /** The column that holds a row's key. */
  readonly keyColumn: string;
}

/** Minutes of activity that a summary shows. */
const MINUTES = 60;

const NEWEST_FIRST = 'written DESC, rowid DESC';

/** The rows of a view. */
const SHOWN = { history: 'true', latest: 'is_head AND NOT is_deleted' } as const satisfies Record<View, string>;

/** One dataset as its CSV parts hold it. */
export class CsvDataset implements Store {
  readonly followed: FollowedContents;
  readonly #options: CsvDatasetOptions;

  constructor(options: CsvDatasetOptions) {
    this.#options = options;
    this.followed = new FollowedContents(options);
  }

  get name(): string {
    return this.#options.dataset.name;
  }

  async latestSummary(): Promise<DatasetSummary> {
    await this.followed.fresh();
    return this.summary;
  }

  get summary(): DatasetSummary {
    const { dataset, keyColumn, clock } = this.#options;
    const { known, problem } = this.followed;
    const { parts, counted } = known;
    const { rows, keys, last } = counted;
    const bytes = parts.reduce((sum, part) => sum + part.size, 0);
    const read = parts.reduce((sum, part) => sum + part.read, 0);
    return {
      name: dataset.name,
      entity: dataset.entity ?? null,
      groups: dataset.groups ?? null,
      key: keyColumn,
      rows,
      keys,
      bytes,
      parts: parts.length,
      lastWrittenAt: last === undefined ? null : new Date(last).toISOString(),
      activity: known.activity(clock.now(), MINUTES),
      revision: known.revision,
      indexing: known.caughtUp ? null : { done: read, total: bytes },
      problems: [...(problem === undefined ? [] : [problem]), ...known.problems],
    };
  }

  async describe(): Promise<DatasetDescription> {
    const { table, parts } = await this.followed.fresh();
    return {
      ...this.summary,
      columns: columnsOf(table).map(({ column }) => column),
      files: parts.map(({ name, rows, size }) => ({ name, rows, bytes: size })),
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

  /** Answers with what is known now. */
  moment<T>(work: (tables: Tables, ask: Ask) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.followed.retrying(
      () => this.followed.made(),
      (contents) => this.#options.database.snapshot(({ query }) => work(tablesOf(contents), query), signal),
    );
  }

  /** Waits for a first read to end: a file with some of the rows would be taken for the whole. */
  stream(statement: (tables: Tables) => Statement, signal: AbortSignal): Promise<Stream> {
    return this.followed.retrying(
      () => this.followed.complete(),
      async (contents) => {
        const tables = tablesOf(contents);
        const { text, values } = statement(tables);
        const found = await this.#options.database.stream(text, values, signal);
        return { tables, batches: checked([...contents.parts], found) };
      },
    );
  }
}

function tablesOf({ table, parts, revision, counted }: Contents): Tables {
  const columns = columnsOf(table);
  return {
    dialect: DUCKDB,
    columns,
    // What is read may be newer than that, which is harmless: the page asks again.
    revision,
    size: counted.rows,
    isRecord: 'NOT is_deleted',
    key: table.column('_key').text,
    rows: (view) => ({ from: table.name, where: SHOWN[view] }),
    facetRows: table.name,
    page: async ({ sort }) => ({
      order: 'newest',
      by: orderBy(sort, columns, NEWEST_FIRST),
      picked: 'rowid AS row',
      cells: `${table.name} WHERE rowid IN (SELECT row FROM page)`,
    }),
    newestFirst: `${table.order} DESC, rowid DESC`,
    placed: 'part, piece, first, rowid AS row, epoch_ms(written) AS written',
    places: (found, _key, ask) => placesOf(ask, table.name, parts, found),
  };
}

/** @throws PartReplacedError if a part is another file than the one whose rows these are: they may be the other's no more */
async function* checked(parts: readonly PartFile[], batches: AsyncIterable<readonly Cells[]>) {
  try {
    yield* batches;
  } finally {
    for (const part of parts) await checkPart(part);
  }
}
