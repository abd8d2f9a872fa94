import { isDeepStrictEqual } from 'node:util';
import { count, FatalError, type Field, keyFieldsOf, mappedFields } from '@tributary/shared';
import type { EndpointFrom } from '../../endpoint.js';
import { contextAdder } from '../context.js';
import { chosenOf } from '../fillings.js';
import type { Description, Page, PageRequest, Source } from '../port.js';
import { Concealed } from './concealed.js';
import type { Placed, ResultColumn, Rows, Value } from './database.js';
import type { OrderColumn } from './keyset.js';
import { OpenTransactions } from './open-transactions.js';
import { Origin } from './query.js';
import { describeReading, type Reading } from './reading.js';
import { rowReader } from './row.js';
import { type StatementOptions, Statements } from './statements.js';

/** Whole numbers below are no times, in whatever unit, but count. */
const LEAST_TIME = 100_000_000;

/** What is read of the rows, and how pages are made of them. */
interface Asked {
  readonly since: Placed | undefined;
  /** What the parameters of the query are bound to. */
  readonly given: readonly Placed[];
  readonly chunk: number;
  readonly page: (records: readonly unknown[]) => Page;
}

/** A table or a query of a database, read in the order of version and key. */
export class SqlSource implements Source {
  readonly countsPages = false;
  readonly isInOrder = true;
  readonly #endpoint: EndpointFrom<'sql'>;
  readonly #options: StatementOptions;
  readonly #statements: Statements;
  readonly #openTransactions: OpenTransactions;
  readonly #origin: Origin;
  readonly #fields: Readonly<Record<string, Field>>;
  /** `orders: the table sales.orders of postgres://host/database`, for errors. */
  readonly #where: string;
  #reading: Reading | undefined;
  /** What was told already: it holds of every run, and one line is enough. */
  readonly #told = new Set<string>();

  constructor(endpoint: EndpointFrom<'sql'>, options: StatementOptions) {
    const { config, entity } = endpoint;
    const concealed = new Concealed(config);
    this.#endpoint = endpoint;
    this.#options = options;
    this.#fields = mappedFields(entity.config.fields, config.map);
    this.#where = `${endpoint.id}: ${this.#what()} of ${concealed.conceal(options.database.name)}`;
    this.#origin = new Origin(config, options.database.dialect, this.#where);
    this.#statements = new Statements(config, options, {
      concealed,
      where: this.#where,
      // What the columns are is asked again: a person may change them.
      onFault: () => {
        this.#reading = undefined;
        this.#openTransactions.forgetServer();
      },
    });
    this.#openTransactions = new OpenTransactions(config, {
      statements: this.#statements,
      dialect: options.database.dialect,
      onDoubt: (doubt) => this.#tellOnce(doubt),
      onNews: (news) => options.onNews?.(`${this.#where}: ${news}`),
    });
  }

  async *pages({ since, trial = false, variables = {}, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { chunk, incremental } = this.#endpoint.config;
    const { clock, database } = this.#options;
    const given = this.#origin.values(variables);
    const begun = clock.monotonic();
    const now = await this.#statements.ask({ text: database.dialect.clock, values: [] }, signal, trial ? 0 : undefined);
    const clockTime = Number(now.rows[0]?.[0] ?? Number.NaN);
    const oldest = await this.#openTransactions.oldest(clockTime, since, signal);
    const serverTime = oldest === undefined ? clockTime : Math.min(clockTime, oldest);
    const reading = await this.#known(signal, given);
    const largest = typeof incremental?.overlap === 'number' ? await this.#newest(reading, given, signal) : undefined;
    this.#doubtNewest(largest, since);
    const askedAt = clockTime + clock.monotonic() - begun;
    const newest = largest && this.#openTransactions.newestBefore(largest, oldest, askedAt, since === undefined);
    const addContext = contextAdder(variables.parent, chosenOf(this.#endpoint.config));
    const page = (records: readonly unknown[]): Page => ({
      records: addContext === undefined ? records : records.map(addContext),
      fetchedAt: clock.now(),
      serverTime: Number.isFinite(serverTime) ? serverTime : undefined,
      newest,
    });
    const from = since === undefined ? undefined : reading.since?.(String(since));
    const incomplete = await this.#incomplete(reading, { given, isNewOnly: from !== undefined }, signal);
    if (incomplete.length > 0) yield page(incomplete);
    yield* this.#chunks(reading, { since: from, given, chunk, page }, signal);
  }

  async *#chunks(
    { keyset, order }: Reading,
    { since, given, chunk, page }: Asked,
    signal: AbortSignal,
  ): AsyncGenerator<Page, void, undefined> {
    let after: readonly Placed[] | undefined;
    for (;;) {
      const { columns, rows } = await this.#statements.ask(keyset.chunk({ since, after }, chunk, given), signal);
      yield page(rows.map(rowReader(columns, this.#fields)));
      const last = rows.at(-1);
      if (last === undefined) return;
      const place = placeOf(last, columns, order);
      // A column without a fixed type may hold other values than the one by which it was known.
      if (place.some(({ sorting }, index) => sorting !== order[index]?.sorting && !order[index]?.isBytewise))
        this.#reading = undefined;
      this.#doubtOverlap(place[0]);
      if (rows.length < chunk) return;
      if (after !== undefined && isDeepStrictEqual(place, after)) {
        // The same rows would come for ever.
        throw new FatalError(
          'key_unsorted',
          `${this.#where}: the rows behind one row begin with that row again: look at the types of version and key`,
        );
      }
      after = place;
    }
  }

  async describe(signal: AbortSignal): Promise<Description> {
    this.#reading = undefined;
    const { columns, table, order } = await this.#known(signal, this.#origin.nothing);
    const keys = keyFieldsOf(this.#endpoint.entity.config).length;
    const named = order.filter(({ name }, index) => order.findIndex((one) => one.name === name) === index);
    const { rows, bytes, key = named.slice(-keys).map(({ name }) => name) } = table ?? {};
    const nullable = new Map(table?.columns.map((column) => [column.name, column.nullable]));
    return {
      name: this.#what(),
      columns: columns.map(({ name, type }) => ({ name, type, nullable: nullable.get(name) })),
      key,
      rows,
      bytes,
    };
  }

  #what(): string {
    const { table } = this.#endpoint.config;
    return table === undefined ? 'the query' : `the table ${table}`;
  }

  async #known(signal: AbortSignal, given: readonly Placed[]): Promise<Reading> {
    if (this.#reading !== undefined) return this.#reading;
    const { dialect } = this.#options.database;
    const shared = { dialect, statements: this.#statements, fields: this.#fields, where: this.#where };
    const options = { ...shared, origin: this.#origin, given };
    const reading = await describeReading(this.#endpoint, options, signal);
    if (reading.table !== undefined && reading.table.key.length === 0) {
      this.#tellOnce(
        'it has no primary key: rows that have the same key by the entity become one record, and the last one read wins',
      );
    }
    this.#reading = reading;
    return reading;
  }

  /**
   * Rows that lack their version or a part of their key have no place in the order. Where everything is read they come first, so that the
   * consumer dead-letters each; a poll of what is new only tells of them: the dead letters of before are there.
   */
  async #incomplete(
    { keyset }: Reading,
    { given, isNewOnly }: Pick<Asked, 'given'> & { readonly isNewOnly: boolean },
    signal: AbortSignal,
  ): Promise<readonly unknown[]> {
    const { chunk } = this.#endpoint.config;
    const statement = keyset.incomplete(isNewOnly ? 1 : chunk, given);
    if (statement === undefined) return [];
    const { columns, rows }: Rows = await this.#statements.ask(statement, signal);
    if (rows.length === 0) return [];
    const records = rows.map(rowReader(columns, this.#fields));
    const fault = 'lack their version or a part of their key, and cannot be followed';
    const remedy = 'fill them in and make the columns NOT NULL, or leave such rows out by a query';
    if (isNewOnly)
      this.#tellOnce(
        `there are rows that ${fault}: they are not read until everything is read again (resync); ${remedy}`,
      );
    else if (rows.length < chunk)
      this.#tellOnce(`${count(rows.length, 'row')} ${fault}: they become dead letters; ${remedy}`);
    else
      this.#tellOnce(
        `at least ${count(chunk, 'row')} ${fault}: so many become dead letters, and the others are left out; ${remedy}`,
      );
    return isNewOnly ? [] : records;
  }

  /** The largest version of all rows, where versions count; undefined if it is no whole number. */
  async #newest({ keyset }: Reading, given: readonly Placed[], signal: AbortSignal): Promise<string | undefined> {
    const { rows } = await this.#statements.ask(keyset.newest(given), signal);
    const newest = String(rows[0]?.[0] ?? '');
    return /^\d*$/.test(newest) ? newest : undefined;
  }

  /** A duration says nothing of numbers that count: rows that are committed late would be left out in silence. */
  #doubtOverlap(version: Placed | undefined): void {
    const { config, entity } = this.#endpoint;
    const { overlap } = config.incremental ?? {};
    const field = this.#fields[entity.config.version ?? ''];
    if (typeof overlap !== 'object' || overlap.milliseconds === 0 || field?.type !== 'integer') return;
    if (!(Number(version?.value ?? Number.NaN) < LEAST_TIME)) return;
    this.#tellOnce(
      `the version counts, and is no time: the overlap of ${overlap.milliseconds} ms has no effect, so that rows which are committed after ones with a larger version are left out; say how many numbers may be uncommitted, such as overlap: 1000`,
    );
  }

  /** A database that was restored, or whose copy without the last rows took over, counts again from where it is: below the mark. */
  #doubtNewest(newest: string | undefined, since: unknown): void {
    if (newest === undefined || !/^\d+$/.test(String(since)) || BigInt(newest || 0) >= BigInt(String(since))) return;
    const { id } = this.#endpoint;
    this.#tellOnce(
      `its largest version is smaller than those that were read before, further than the overlap: the newest rows were deleted, or the database went back, or its counter began anew. Then rows that come with smaller versions are left out: tributary reset ${id}`,
    );
  }

  #tellOnce(doubt: string): void {
    if (this.#told.has(doubt)) return;
    this.#told.add(doubt);
    this.#options.onDoubt(`${this.#where}: ${doubt}`);
  }
}

/** The values of a row that say where it stands in the order. */
const placeOf = (row: readonly Value[], columns: readonly ResultColumn[], order: readonly OrderColumn[]): Placed[] =>
  order.map(({ name, sorting, isBytewise, isRounded }) => {
    const index = columns.findIndex((column) => column.name === name);
    const now = isRounded ? sorting : (columns[index]?.sorting ?? sorting);
    return { value: row[index] ?? null, sorting: isBytewise ? 'text' : now };
  });
