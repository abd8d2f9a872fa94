import { decodeCell, encodeCell, type Field, parseJson, RetryableError, within } from '@tributary/shared';
import { escapeIdentifier } from 'pg';
import type {
  DatasetDescription,
  DatasetSummary,
  Download,
  Facet,
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
import { columnNamed, countSql, keysSql, orderBy, Parameters } from '../query/where.js';
import { batchesOf } from './batches.js';
import { columnsOf, LENGTHS, type ReadColumn } from './columns.js';
import { MissingTableError, type Queries, TOO_SLOW } from './database.js';
import { facetsOf } from './facets.js';
import { rowsThat } from './kept-deleted.js';
import { isLarge, keyOrder, type Order, pageSql } from './order.js';
import { profileOf } from './profile.js';
import { emptySummary, readSummary, type SummaryOptions } from './summary.js';
import { whereOf } from './where.js';

export interface PostgresDatasetOptions extends SummaryOptions {
  readonly neutraliseFormulas: boolean;
  /** Milliseconds that reading a summary may take to be done for each call; see createPostgresReader. */
  readonly quick: number;
  /** Rows above which a table is shown by key. */
  readonly large: number;
}

const TEXT: Field = { type: 'string', optional: true, maxLength: Number.MAX_SAFE_INTEGER };
/** Milliseconds. A table that takes longer to count is not counted for each of its pages. */
const MOST_COUNTING = 1_000;
/** A summary that took long to read is shown again for so many times as long, or the database would do nothing but count. */
const REST = 20;
/** Milliseconds that a page waits for the numbers of its table. */
const PATIENCE = 1_000;
const NEWEST_FIRST = '_written_at DESC, _order DESC, _key';

/** One dataset as the Postgres sink's tables hold it. */
export class PostgresDataset {
  readonly columns: readonly ReadColumn[];
  readonly #options: PostgresDatasetOptions;
  #summary: DatasetSummary;
  #readAt = Number.NEGATIVE_INFINITY;
  #took = 0;
  #reading: Promise<void> | undefined;
  #problem: string | undefined;
  #collation: string | undefined;

  constructor(options: PostgresDatasetOptions) {
    this.#options = options;
    this.columns = columnsOf(options.dataset);
    this.#summary = emptySummary(options.dataset, options.keyColumn);
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

  /**
   * The revision for what is read after it: if it were read later, rows that were written in between would count as shown. An older one
   * is harmless (the page asks again), so nothing waits long for a count, which takes its time on a large table and waits for
   * the lock of a table that is being changed.
   */
  async #revision(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    await within(this.#options.clock, PATIENCE, this.latestSummary(), signal);
    signal.throwIfAborted();
    return this.#summary.revision;
  }

  async #read(): Promise<void> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    let isAway = false;
    try {
      this.#summary = await readSummary(this.#options);
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof MissingTableError)) {
        this.#problem = (error as Error).message;
        isAway = !(error instanceof RetryableError && error.code === TOO_SLOW);
      } else {
        this.#summary = emptySummary(this.#options.dataset, this.#options.keyColumn);
        this.#problem = undefined;
      }
    }
    this.#readAt = clock.monotonic();
    // How long a database that is away let us wait says nothing of the time that counting takes.
    this.#took = isAway ? 0 : this.#readAt - began;
  }

  async describe(): Promise<DatasetDescription> {
    const summary = await this.latestSummary();
    const { dataset, schema, history } = this.#options;
    const names = [dataset.name, `${dataset.name}_tombstones`, ...(history ? [`${dataset.name}_history`] : [])];
    const files = await this.#ifThere([], () =>
      this.#options.database.query<{ name: string; rows: string; bytes: string }>(
        `SELECT c.relname AS name, GREATEST(c.reltuples, 0) AS rows, pg_total_relation_size(c.oid) AS bytes
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) ORDER BY 1`,
        [schema, names],
      ),
    );
    return {
      ...summary,
      columns: this.columns.map(({ column }) => column),
      files: files.map(({ name, rows, bytes }) => ({ name, rows: Number(rows), bytes: Number(bytes) })),
    };
  }

  async rows(query: RowQuery, signal: AbortSignal): Promise<RowPage> {
    const { database } = this.#options;
    const revision = await this.#revision(signal);
    const parameters = new Parameters();
    const where = await this.#where(query, parameters);
    const byKey = where === 'true' ? await this.#byKey(query) : undefined;
    const order = byKey ?? { by: orderBy(isNewest(query) ? undefined : query.sort, this.columns, NEWEST_FIRST) };
    const text = pageSql(this.#selected, this.#source(query.view), where, order, query);
    const named = byKey !== undefined && query.sort === undefined ? 'key' : 'newest';
    const { values } = parameters;
    return await this.#ifThere(this.#nothing(query), () =>
      database.snapshot(async (moment) => {
        const fetched = await moment.query<Readonly<Record<string, unknown>>>(text, values);
        signal.throwIfAborted();
        const total = await this.#count(moment, query.view, where, values);
        signal.throwIfAborted();
        const facets = query.facets === true ? await this.#facets(moment, query.view, where, values) : null;
        return { ...pageOf(fetched, this.columns), order: named, total, facets, revision };
      }, signal),
    );
  }

  async #count(moment: Queries, view: View, where: string, values: readonly unknown[]): Promise<number> {
    if (where === 'true' && this.#took > MOST_COUNTING)
      return view === 'latest' ? this.#summary.keys : this.#summary.rows;
    const [counted] = await moment.query<{ total: string }>(countSql(this.#source(view), where), values);
    return Number(counted?.total ?? 0);
  }

  /** The cells are as the CSV sink would write them, so that the file is the same from either sink. */
  async download(selection: Selection, signal: AbortSignal): Promise<Download> {
    const { database, dataset, neutraliseFormulas } = this.#options;
    const parameters = new Parameters();
    const where = await this.#where(selection, parameters);
    const selected = this.columns.map(({ text }, index) => `${text} AS v${index}`).join(', ');
    const columns = this.columns.map(({ column }) => column.name);
    const text = `SELECT ${selected} FROM ${this.#source(selection.view)} WHERE ${where} ORDER BY _key`;
    const fieldOf = (name: string): Field => dataset.columns[name] ?? TEXT;
    type Cells = Readonly<Record<string, string | null>>;
    const batches = await this.#ifThere<AsyncIterable<Cells[]> | Cells[][]>([], () =>
      database.stream<Cells>(text, parameters.values, signal),
    );
    const encode = ({ column: { name, type }, field }: ReadColumn, cell: string | null | undefined): string => {
      if (cell === null || cell === undefined) return '';
      const isText = type === 'string' || type === 'datetime' || type === 'date';
      if (isText) return encodeCell(cell, TEXT, neutraliseFormulas && name !== '_written_at');
      return field?.type === 'json' || field?.type === 'list'
        ? encodeCell(parseJson(cell), field, neutraliseFormulas)
        : cell;
    };
    const all = this.columns;
    async function* rows(): AsyncGenerator<string[]> {
      for await (const batch of batches) {
        for (const row of batch) yield all.map((column, index) => encode(column, row[`v${index}`]));
      }
    }
    return { columns, rows: rows(), decode: (name, cell) => decodeCell(cell, fieldOf(name), neutraliseFormulas) };
  }

  async facets(selection: Selection, signal: AbortSignal): Promise<Facets> {
    const revision = await this.#revision(signal);
    const parameters = new Parameters();
    const where = await this.#where(selection, parameters);
    const { values } = parameters;
    const { view } = selection;
    return await this.#ifThere({ facets: [], total: 0, revision }, () =>
      this.#options.database.snapshot(
        async (moment) => ({
          facets: await this.#facets(moment, view, where, values),
          total: await this.#count(moment, view, where, values),
          revision,
        }),
        signal,
      ),
    );
  }

  async #facets(moment: Queries, view: View, where: string, values: readonly unknown[]): Promise<Facet[]> {
    const { keyColumn } = this.#options;
    const candidates = this.columns.filter(
      ({ column: { name, system, type } }) =>
        name !== keyColumn && !system && (type === 'string' || type === 'boolean'),
    );
    return await facetsOf(moment, this.#source(view), where, values, candidates);
  }

  async profile(view: View, signal: AbortSignal): Promise<Profile> {
    const from = this.#source(view);
    return await this.#ifThere({ rows: 0, since: null, columns: [], left: 0 }, () =>
      this.#options.database.snapshot(({ query }) => profileOf(query, from, this.columns), signal),
    );
  }

  async versions(key: string, limit: number, signal: AbortSignal): Promise<Versions> {
    const { database, dataset, schema, history } = this.#options;
    const columns = this.columns.map(({ column }) => column);
    return await this.#ifThere({ columns, rows: [], places: [], total: 0 }, () =>
      database.snapshot(async (moment) => {
        const fetched = await moment.query<Readonly<Record<string, unknown>>>(
          `SELECT ${this.#selected}, count(*) OVER () AS total FROM ${this.#source('history')}
            WHERE _key = $1 ORDER BY _order DESC LIMIT ${limit}`,
          [key],
        );
        const suffix = history ? '_history' : '';
        const batchOf = await batchesOf(moment, this.#table(suffix), key, limit);
        const place = `table ${schema}.${dataset.name}${suffix}`;
        const index = (name: string) => this.columns.findIndex(({ column }) => column.name === name);
        const [messageId, hash] = [`v${index('_message_id')}`, `v${index('_hash')}`];
        const places = fetched.map((row) => ({ place, writer: null, batch: batchOf(row[messageId], row[hash]) }));
        return { columns, rows: pageOf(fetched, this.columns).rows, places, total: Number(fetched[0]?.total ?? 0) };
      }, signal),
    );
  }

  async keys(
    { place, part }: KeyPattern,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ keys: string[]; total: number }> {
    const found = await this.#ifThere([], () =>
      this.#options.database.query<{ key: string; total: string }>(
        keysSql('_key', this.#source('latest'), 'true', place, limit),
        [part],
        signal,
      ),
    );
    return { keys: found.map(({ key }) => key), total: Number(found[0]?.total ?? 0) };
  }

  async #where(selection: Pick<Selection, 'search' | 'where'>, parameters: Parameters): Promise<string> {
    this.#collation ??= await this.#options.database.collation();
    const { keyColumn } = this.#options;
    return whereOf(selection, this.columns, parameters, { collation: this.#collation, keyColumn });
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
    const { history } = this.#options;
    const table = (suffix: string) => this.#table(suffix);
    if (view === 'history' && history) return table('_history');
    const own = this.columns.filter(({ column }) => !column.system).map(({ sql }) => sql);
    const rest = ['_key', '_hash', '_version', '_message_id', '_order', '_written_at'];
    const live = `SELECT ${[...own, ...rest].join(', ')}, false AS _deleted FROM ${rowsThat('IS NOT TRUE', table(''))} AS live`;
    if (view === 'latest') return `(${live}) AS latest`;
    const deleted = [...own.map((name) => `l.${name}`), ...rest.map((name) => `t.${name}`)].join(', ');
    return `(${live} UNION ALL SELECT ${deleted}, true AS _deleted
      FROM ${table('_tombstones')} t LEFT JOIN ${rowsThat('IS TRUE', table(''))} AS l ON l._key = t._key) AS history`;
  }

  /** The order of the primary key, which needs no sorting: if it was asked for, or if the table is large. */
  async #byKey({ sort, view }: RowQuery): Promise<Order | undefined> {
    const { schema, dataset, history, database, large } = this.#options;
    const table = view === 'history' && history ? `${dataset.name}_history` : dataset.name;
    // Without a history table the rows come from two tables, which have no key in common.
    if (view === 'history' && !history) return undefined;
    const order = keyOrder(view, sort?.descending ?? false);
    if (sort !== undefined) return this.#isKey(sort.column, view) ? order : undefined;
    const known = view === 'latest' ? this.#summary.keys : this.#summary.rows;
    return known > large || (await isLarge(database, schema, table, large)) ? order : undefined;
  }

  /** If the key is a text, its column equals `_key`, which has the index; a tombstone has `_key` only. */
  #isKey(name: string, view: View): boolean {
    const isText = columnNamed(name, this.columns).column.type === 'string';
    return name === '_key' || (view === 'latest' && isText && name === this.#options.keyColumn);
  }

  get #selected(): string {
    return this.columns.flatMap((column, index) => forPage(column, index, LENGTHS)).join(', ');
  }

  #nothing(query: RowQuery): RowPage {
    const facets = query.facets === true ? [] : null;
    return { ...pageOf([], this.columns), order: 'newest', total: 0, facets, revision: this.#summary.revision };
  }

  /** Before the consumer's first start there is no table: then there are no rows. */
  async #ifThere<T>(nothing: T, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof MissingTableError) return nothing;
      throw error;
    }
  }
}

/** The order that is there without being asked for. */
const isNewest = ({ sort }: RowQuery): boolean => sort?.column === '_written_at' && sort.descending;
