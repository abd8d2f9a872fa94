import type {
  ClippedCell,
  DatasetDescription,
  DatasetSummary,
  Download,
  Facets,
  KeyPattern,
  RowPage,
  RowQuery,
  Selection,
  Versions,
} from '../port.js';
import { columnsOf, forPage, type ReadColumn, sortedBy } from './columns.js';
import type { Contents } from './contents.js';
import type { Found, Queries } from './database.js';
import { downloadOf } from './download.js';
import { facetColumns, facetsOf } from './facets.js';
import { FollowedContents, type FollowOptions } from './followed.js';
import { openPart } from './part-file.js';
import { placesOf } from './places.js';
import { columnNamed, ofView, Parameters, whereOf } from './where.js';

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
      const { values, where } = selected(query, columns);
      const by = sortOf(query, columns);
      const page = await moment.query(
        `WITH page AS MATERIALIZED (
           SELECT rowid AS row FROM ${table.name} WHERE ${where} ORDER BY ${by} LIMIT ${query.limit} OFFSET ${query.offset})
         SELECT ${columns.flatMap(forPage).join(', ')} FROM ${table.name} WHERE rowid IN (SELECT row FROM page) ORDER BY ${by}`,
        values,
      );
      const total = await countOf(moment, table.name, where, values);
      const facets = query.facets === true ? await this.#facets(moment, contents, columns, where, values) : null;
      return { ...pageOf(page, columns), order: 'newest', total, facets, revision };
    });
  }

  facets(selection: Selection, signal: AbortSignal): Promise<Facets> {
    return this.#moment(signal, async (contents, columns, moment) => {
      const { revision, table } = contents;
      const { values, where } = selected(selection, columns);
      const facets = await this.#facets(moment, contents, columns, where, values);
      return { facets, total: await countOf(moment, table.name, where, values), revision };
    });
  }

  /** Waits for a first read to end: a file with some of the rows would be taken for the whole. */
  download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { followed } = this;
    const { database, neutraliseFormulas } = this.#options;
    return followed.retrying(
      () => followed.complete(),
      (contents) => {
        const columns = columnsOf(contents.table);
        return downloadOf(contents, columns, { ...selected(selection, columns), neutraliseFormulas, database, signal });
      },
    );
  }

  versions(key: string, limit: number, signal: AbortSignal): Promise<Versions> {
    return this.#moment(signal, async ({ table, parts }, columns, moment) => {
      const found = await moment.query(
        `SELECT part, piece, first, rowid AS row, epoch_ms(written) AS written, ${columns.flatMap(forPage).join(', ')}, count(*) OVER () AS total
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
        `SELECT ${key} AS key, count(*) OVER () AS total FROM ${table.name}
          WHERE ${ofView('latest')} AND split_part(${key}, '/', ${place === 'first' ? 1 : 2}) = $1 ORDER BY 1 LIMIT ${limit}`,
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
    values: Parameters['values'],
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

function selected(selection: Selection, columns: readonly ReadColumn[]) {
  const parameters = new Parameters();
  const where = whereOf(selection, columns, parameters);
  return { where, values: parameters.values };
}

function sortOf({ sort }: RowQuery, columns: readonly ReadColumn[]): string {
  if (sort === undefined) return NEWEST_FIRST;
  const by = sortedBy(columnNamed(sort.column, columns));
  return `${by} ${sort.descending ? 'DESC' : 'ASC'} NULLS LAST, ${NEWEST_FIRST}`;
}

async function countOf({ query }: Queries, table: string, where: string, values: Parameters['values']) {
  const [counted] = await query<{ total: bigint }>(`SELECT count(*) AS total FROM ${table} WHERE ${where}`, values);
  return Number(counted?.total ?? 0);
}

function pageOf(found: readonly Found[], columns: readonly ReadColumn[]) {
  const clipped: ClippedCell[] = [];
  const rows = found.map((line, number) =>
    columns.map(({ column, read }, index) => {
      const text = line[`c${index}`];
      // A tombstone's own columns hold nothing, and neither does a column that came after the part.
      if (typeof text !== 'string') return null;
      const long = line[`l${index}`];
      const { value, length } = read(text, typeof long === 'bigint' ? Number(long) : undefined);
      if (length !== undefined) clipped.push({ row: number, column: column.name, length });
      return value;
    }),
  );
  return { columns: columns.map(({ column }) => column), rows, clipped };
}
