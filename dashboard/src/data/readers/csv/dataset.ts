import type {
  DatasetDescription,
  DatasetSummary,
  Download,
  Facets,
  KeyPattern,
  Profile,
  RowPage,
  RowQuery,
  Selection,
  Versions,
  View,
} from '../port.js';
import { forPage, pageOf } from '../query/columns.js';
import { countSql, keysSql, orderBy } from '../query/where.js';
import { columnsOf, fetched, LENGTHS, type ReadColumn } from './columns.js';
import type { Contents } from './contents.js';
import type { Queries, Value } from './database.js';
import { downloadOf } from './download.js';
import { facetColumns, facetsOf } from './facets.js';
import { FollowedContents, type FollowOptions } from './followed.js';
import { openPart } from './part-file.js';
import { placesOf } from './places.js';
import { profileOf } from './profile.js';
import { ofView, whereOf } from './where.js';

export interface CsvDatasetOptions extends FollowOptions {
  /** The column that holds a row's key. */
  readonly keyColumn: string;
}

/** Minutes of activity that a summary shows. */
const MINUTES = 60;

const NEWEST_FIRST = 'written DESC, rowid DESC';

/** One dataset as its CSV parts hold it. */
export class CsvDataset {
  readonly followed: FollowedContents;
  readonly #options: CsvDatasetOptions;
  /** The columns of facets, and the number of rows that they were found by. */
  #facetColumns: { readonly rows: number; readonly names: ReadonlySet<string> } | undefined;

  get name(): string {
    return this.#options.dataset.name;
  }

  constructor(options: CsvDatasetOptions) {
    this.#options = options;
    this.followed = new FollowedContents(options);
  }

  /** Reads all, and what the first page with facets would wait for. */
  async start(): Promise<void> {
    await this.followed.refresh();
    await this.facets({ view: 'latest', search: '', where: [] }, this.#options.closed);
  }

  async latestSummary(): Promise<DatasetSummary> {
    await this.followed.fresh();
    return this.summary();
  }

  /** What is known without looking at the disk. */
  summary(): DatasetSummary {
    const { dataset, keyColumn, clock } = this.#options;
    const { known, problem } = this.followed;
    const { parts, lastWrittenAt } = known;
    const bytes = parts.reduce((sum, part) => sum + part.size, 0);
    const read = parts.reduce((sum, part) => sum + part.read, 0);
    return {
      name: dataset.name,
      entity: dataset.entity ?? null,
      key: keyColumn,
      rows: known.rows,
      keys: known.keys,
      bytes,
      parts: parts.length,
      lastWrittenAt: lastWrittenAt === undefined ? null : new Date(lastWrittenAt).toISOString(),
      activity: known.activity(clock.now(), MINUTES),
      revision: known.revision,
      indexing: known.caughtUp ? null : { done: read, total: bytes },
      problems: [...(problem === undefined ? [] : [problem]), ...known.problems],
    };
  }

  async describe(): Promise<DatasetDescription> {
    const { table, parts } = await this.followed.fresh();
    return {
      ...this.summary(),
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

  rows(query: RowQuery, signal: AbortSignal): Promise<RowPage> {
    return this.#moment(signal, async (contents, columns, moment) => {
      // What is read may be newer than that, which is harmless: the page asks again.
      const { revision, table } = contents;
      const { values, where } = whereOf(query, columns);
      const by = orderBy(query.sort, columns, NEWEST_FIRST);
      // What a search finds is found once, and counted as it is found. To count all rows takes no time.
      const isSearch = query.search !== '' || query.where.length > 0;
      const page = await moment.query(
        `WITH page AS MATERIALIZED (
           SELECT rowid AS row${isSearch ? ', count(*) OVER () AS total' : ''} FROM ${table.name} WHERE ${where}
            ORDER BY ${by} LIMIT ${query.limit} OFFSET ${query.offset})
         SELECT ${isSearch ? '(SELECT any_value(total) FROM page) AS total, ' : ''}${selectedOf(columns)}
           FROM ${table.name} WHERE rowid IN (SELECT row FROM page) ORDER BY ${by}`,
        values,
      );
      const counted = page[0]?.total;
      const total = Number(counted ?? (await countOf(moment, table.name, where, values)));
      const facets = query.facets === true ? await this.#facets(moment, contents, columns, where, values) : null;
      return { ...pageOf(page, columns), order: 'newest', total, facets, revision };
    });
  }

  facets(selection: Selection, signal: AbortSignal): Promise<Facets> {
    return this.#moment(signal, async (contents, columns, moment) => {
      const { revision, table } = contents;
      const { values, where } = whereOf(selection, columns);
      const facets = await this.#facets(moment, contents, columns, where, values);
      return { facets, total: await countOf(moment, table.name, where, values), revision };
    });
  }

  profile(view: View, signal: AbortSignal): Promise<Profile> {
    return this.#moment(signal, ({ table }, columns, moment) => profileOf(moment, table, columns, view));
  }

  /** Waits for a first read to end: a file with some of the rows would be taken for the whole. */
  download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { followed } = this;
    const { database, neutraliseFormulas } = this.#options;
    return followed.retrying(
      () => followed.complete(),
      (contents) => {
        const columns = columnsOf(contents.table);
        return downloadOf(contents, columns, { ...whereOf(selection, columns), neutraliseFormulas, database, signal });
      },
    );
  }

  versions(key: string, limit: number, signal: AbortSignal): Promise<Versions> {
    return this.#moment(signal, async ({ table, parts }, columns, moment) => {
      const found = await moment.query(
        `SELECT part, piece, first, rowid AS row, epoch_ms(written) AS written, ${selectedOf(columns)}, count(*) OVER () AS total
           FROM ${table.name} WHERE ${table.column('_key').text} = $1 ORDER BY ${table.order} DESC, rowid DESC LIMIT ${limit}`,
        [key],
      );
      const places = await placesOf(moment, table.name, parts, found);
      return { ...pageOf(found, columns), places, total: Number(found[0]?.total ?? 0) };
    });
  }

  keys({ place, part }: KeyPattern, limit: number, signal: AbortSignal): Promise<{ keys: string[]; total: number }> {
    return this.#moment(signal, async ({ table }, _columns, moment) => {
      const key = table.column('_key').text;
      const found = await moment.query<{ key: string; total: bigint }>(
        `SELECT ${fetched('key')} AS key, total FROM (${keysSql(key, table.name, ofView('latest'), place, limit)})`,
        [part],
      );
      return { keys: found.map((one) => one.key), total: Number(found[0]?.total ?? 0) };
    });
  }

  /** Answers with what is known now, as of one moment. */
  #moment<T>(
    signal: AbortSignal,
    work: (contents: Contents, columns: readonly ReadColumn[], moment: Queries) => Promise<T>,
  ): Promise<T> {
    const { followed } = this;
    return followed.retrying(
      () => followed.made(),
      (contents) =>
        this.#options.database.snapshot((moment) => work(contents, columnsOf(contents.table), moment), signal),
    );
  }

  async #facets(
    moment: Queries,
    contents: Contents,
    columns: readonly ReadColumn[],
    where: string,
    values: readonly Value[],
  ) {
    const { name } = contents.table;
    const known = this.#facetColumns;
    // Another value comes seldom, and does no harm: what is shown is counted each time.
    if (known === undefined || contents.rows > known.rows * 1.2) {
      const found = await facetColumns(moment, name, columns);
      this.#facetColumns = { rows: contents.rows, names: new Set(found.map(({ column }) => column.name)) };
    }
    const names = this.#facetColumns?.names;
    const some = columns.filter(({ column }) => names?.has(column.name) === true);
    return await facetsOf(moment, name, where, values, some);
  }
}

const selectedOf = (columns: readonly ReadColumn[]): string =>
  columns.flatMap((column, index) => forPage(column, index, LENGTHS)).join(', ');

async function countOf({ query }: Queries, table: string, where: string, values: readonly Value[]) {
  const [counted] = await query<{ total: bigint }>(countSql(table, where), values);
  return Number(counted?.total ?? 0);
}
