import { within } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type { DatasetDescription, DatasetSummary, RowQuery, VersionPlace, View } from '../port.js';
import type { Ask, Dialect, Line, Paging, QueryColumn, Statement, Store, Stream, Tables } from '../query/dialect.js';
import { TooSlowError } from '../query/too-slow.js';
import { columnNamed, orderBy } from '../query/where.js';
import { batchesOf } from './batches.js';
import { columnsOf } from './columns.js';
import { MissingTableError } from './database.js';
import { dialectOf } from './dialect.js';
import { rowsThat } from './kept-deleted.js';
import { emptySummary, readSummary, type SummaryOptions } from './summary.js';

export interface PostgresDatasetOptions extends SummaryOptions {
  /** Milliseconds that reading a summary may take to be done for each call; see createPostgresReader. */
  readonly quick: number;
  /** Rows above which a table is shown by key. */
  readonly large: number;
}

/** Milliseconds. A table that takes longer to count is not counted for each of its pages. */
const MOST_COUNTING = 1_000;
/** A summary that took long to read is shown again for so many times as long, or the database would do nothing but count. */
const REST = 20;
/** Milliseconds that a page waits for the numbers of its table. */
const PATIENCE = 1_000;
const NEWEST_FIRST = '_written_at DESC, _order DESC, _key';
/** Rows by which it is told what columns have facets: to look at all would take as long as to count them. */
const LOOKED_AT = 20_000;

/** One dataset as the Postgres sink's tables hold it. */
export class PostgresDataset implements Store {
  readonly #options: PostgresDatasetOptions;
  readonly #columns: readonly QueryColumn[];
  #summary: DatasetSummary;
  #readAt = Number.NEGATIVE_INFINITY;
  #took = 0;
  #reading: Promise<void> | undefined;
  #problem: string | undefined;
  #dialect: Dialect | undefined;

  constructor(options: PostgresDatasetOptions) {
    this.#options = options;
    this.#columns = columnsOf(options.dataset, options.keyColumn);
    this.#summary = emptySummary(options.dataset, options.keyColumn);
  }

  get name(): string {
    return this.#options.dataset.name;
  }

  get summary(): DatasetSummary {
    return this.#problem === undefined ? this.#summary : { ...this.#summary, problems: [this.#problem] };
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async latestSummary(): Promise<DatasetSummary> {
    const age = this.#options.clock.monotonic() - this.#readAt;
    if (this.#took > this.#options.quick && age < this.#took * REST) return this.summary;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.summary;
  }

  async #read(): Promise<void> {
    const { clock, dataset, keyColumn } = this.#options;
    const began = clock.monotonic();
    let isAway = false;
    try {
      this.#summary = await this.#ifThere(
        () => readSummary(this.#options),
        () => emptySummary(dataset, keyColumn),
      );
      this.#problem = undefined;
    } catch (error) {
      this.#problem = (error as Error).message;
      isAway = !(error instanceof TooSlowError);
    }
    this.#readAt = clock.monotonic();
    // How long a database that is away let us wait says nothing of the time that counting takes.
    this.#took = isAway ? 0 : this.#readAt - began;
  }

  async describe(): Promise<DatasetDescription> {
    const summary = await this.latestSummary();
    const { database, dataset, schema, history } = this.#options;
    const names = [dataset.name, `${dataset.name}_tombstones`, ...(history ? [`${dataset.name}_history`] : [])];
    const files = await database.query<{ name: string; rows: string; bytes: string }>(
      `SELECT c.relname AS name, GREATEST(c.reltuples, 0) AS rows, pg_total_relation_size(c.oid) AS bytes
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) ORDER BY 1`,
      [schema, names],
    );
    return {
      ...summary,
      columns: this.#columns.map(({ column }) => column),
      files: files.map(({ name, rows, bytes }) => ({ name, rows: Number(rows), bytes: Number(bytes) })),
    };
  }

  async moment<T>(work: (tables: Tables, ask: Ask) => Promise<T>, signal: AbortSignal, isNoted = false): Promise<T> {
    signal.throwIfAborted();
    // If it were read later, rows that were written in between would count as shown. An older revision is harmless (the page asks again),
    // so nothing waits long for a count, which takes its time on a large table and waits for the lock of a table that is being changed.
    if (isNoted) await within(this.#options.clock, PATIENCE, this.latestSummary(), signal);
    signal.throwIfAborted();
    const tables = await this.#tables();
    return await this.#ifThere(
      () => this.#options.database.snapshot(({ query }) => work(tables, query), signal),
      () => work(tables, async () => []),
    );
  }

  async stream(statement: (tables: Tables) => Statement, signal: AbortSignal): Promise<Stream> {
    const tables = await this.#tables();
    const { text, values } = statement(tables);
    const read = () => this.#options.database.stream(text, values, signal);
    return { tables, batches: await this.#ifThere<Stream['batches']>(read, () => []) };
  }

  async #tables(): Promise<Tables> {
    this.#dialect ??= dialectOf(await this.#options.database.collation());
    const { revision, rows, keys } = this.#summary;
    return {
      dialect: this.#dialect,
      columns: this.#columns,
      revision,
      size: rows,
      isRecord: '_deleted IS NOT TRUE',
      key: '_key',
      rows: (view) => ({ from: this.#source(view), where: 'true' }),
      facetRows: `(SELECT * FROM ${this.#source('history')} LIMIT ${LOOKED_AT}) AS a_few`,
      counted: (view) => (this.#took > MOST_COUNTING ? (view === 'latest' ? keys : rows) : undefined),
      page: (query, isWhole, ask) => this.#page(query, isWhole, ask),
      newestFirst: '_order DESC',
      placed: '_message_id AS message_id, _hash AS hash',
      places: (found, key, ask) => this.#places(found, key, ask),
      downloaded: '_key',
    };
  }

  /**
   * The page is found first, and only its rows are formatted: else Postgres would format every row before it sorts them. In the order of the
   * primary key, which needs no sorting, rows before the page are counted in the index, and not fetched.
   */
  async #page(query: RowQuery, isWhole: boolean, ask: Ask): Promise<Paging> {
    const { sort, view } = query;
    const key = view === 'history' ? ['_key', '_message_id', '_hash'] : ['_key'];
    if (isWhole && (await this.#isByKey(query, ask))) {
      const direction = sort?.descending === true ? 'DESC' : 'ASC';
      return {
        order: sort === undefined ? 'key' : 'newest',
        by: key.map((column) => `${column} ${direction}`).join(', '),
        picked: key.join(', '),
        cells: `page JOIN ${this.#source(view)} USING (${key.join(', ')})`,
      };
    }
    return { order: 'newest', by: orderBy(sort, this.#columns, NEWEST_FIRST), picked: '*', cells: 'page' };
  }

  /** If that was asked for, or if the table is large, as far as Postgres has counted it. */
  async #isByKey({ sort, view }: RowQuery, ask: Ask): Promise<boolean> {
    const { schema, dataset, history, large } = this.#options;
    // Without a history table the rows come from two tables, which have no key in common.
    if (view === 'history' && !history) return false;
    if (sort !== undefined) {
      // If the key is a text, its column equals `_key`, which has the index; a tombstone has `_key` only.
      return sort.column === '_key' || (view === 'latest' && columnNamed(sort.column, this.#columns).isKey === true);
    }
    if ((view === 'latest' ? this.#summary.keys : this.#summary.rows) > large) return true;
    const [found] = await ask<{ rows: number }>(
      `SELECT c.reltuples AS rows FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2`,
      [schema, view === 'history' ? `${dataset.name}_history` : dataset.name],
    );
    return Number(found?.rows ?? 0) > large;
  }

  async #places(found: readonly Line[], key: string, ask: Ask): Promise<VersionPlace[]> {
    const { dataset, schema, history } = this.#options;
    const suffix = history ? '_history' : '';
    const batchOf = await batchesOf(ask, this.#table(suffix), key, found.length);
    const place = `table ${schema}.${dataset.name}${suffix}`;
    return found.map(({ message_id, hash }) => ({ place, writer: null, batch: batchOf(message_id, hash) }));
  }

  #table(suffix: string): string {
    const { dataset, schema } = this.#options;
    return `${escapeIdentifier(schema)}.${escapeIdentifier(`${dataset.name}${suffix}`)}`;
  }

  /**
   * What a view reads, under the names of the columns. Without a history table, only the deleted keys are kept of the past, with what their
   * rows held if these are kept.
   */
  #source(view: View): string {
    const table = (suffix: string) => this.#table(suffix);
    if (view === 'history' && this.#options.history) return table('_history');
    const own = this.#columns.filter(({ column }) => !column.system).map(({ name }) => name);
    const rest = ['_key', '_hash', '_version', '_message_id', '_order', '_written_at'];
    const live = `SELECT ${[...own, ...rest].join(', ')}, false AS _deleted FROM ${rowsThat('IS NOT TRUE', table(''))} AS live`;
    if (view === 'latest') return `(${live}) AS latest`;
    const deleted = [...own.map((name) => `l.${name}`), ...rest.map((name) => `t.${name}`)].join(', ');
    return `(${live} UNION ALL SELECT ${deleted}, true AS _deleted
      FROM ${table('_tombstones')} t LEFT JOIN ${rowsThat('IS TRUE', table(''))} AS l ON l._key = t._key) AS history`;
  }

  /** Before the consumer's first start there is no table: then there are no rows. */
  async #ifThere<T>(read: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof MissingTableError) return await otherwise();
      throw error;
    }
  }
}
