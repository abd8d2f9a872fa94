import { isDeepStrictEqual } from 'node:util';
import {
  type Clock,
  columnOf,
  count,
  expectedOneOf,
  FatalError,
  type Field,
  keyFieldsOf,
  mappedFields,
  RetryableError,
} from '@tributary/shared';
import pRetry from 'p-retry';
import type { EndpointFrom } from '../../endpoint.js';
import { backoff } from '../backoff.js';
import type { Gate } from '../gate.js';
import type { Description, Page, PageRequest, Source, SourceEvents } from '../port.js';
import { Concealed } from './concealed.js';
import {
  type Database,
  type Placed,
  partsOf,
  type ResultColumn,
  type Rows,
  type Statement,
  type Value,
} from './database.js';
import { Keyset, type OrderColumn } from './keyset.js';
import { rowReader } from './row.js';
import { sinceWriter } from './since.js';

export interface SqlOptions extends SourceEvents {
  /** Shared by all endpoints of the database; closed by the caller that opened it. */
  readonly database: Database;
  /** Holds the statements of all endpoints together to the limits. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** How rows are read, from what the database says of their columns. */
interface Reading {
  readonly keyset: Keyset;
  readonly order: readonly OrderColumn[];
  /** How the version of a mark is compared; undefined for an endpoint that is not incremental. */
  readonly since: ((since: string) => Placed) | undefined;
}

/** A table or a query of a database, read in the order of version and key. */
export class SqlSource implements Source {
  readonly countsPages = false;
  readonly isInOrder = true;
  readonly #endpoint: EndpointFrom<'sql'>;
  readonly #options: SqlOptions;
  readonly #fields: Readonly<Record<string, Field>>;
  readonly #concealed: Concealed;
  /** `orders: the table sales.orders of postgres://host/database`, for errors. */
  readonly #where: string;
  #reading: Reading | undefined;
  /** What was told already: it holds of every run, and one line is enough. */
  readonly #told = new Set<string>();

  constructor(endpoint: EndpointFrom<'sql'>, options: SqlOptions) {
    const { config, entity } = endpoint;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#fields = mappedFields(entity.config.fields, config.map);
    this.#concealed = new Concealed(config);
    this.#where = `${endpoint.id}: ${this.#what()} of ${this.#concealed.conceal(options.database.name)}`;
  }

  async *pages({ since, trial = false, signal }: PageRequest): AsyncGenerator<Page, void, undefined> {
    const { chunk, incremental } = this.#endpoint.config;
    const { clock } = this.#options;
    const ask = (statement: Statement, retries?: number) => this.#ask(statement, signal, retries);
    const now = await ask({ text: this.#options.database.dialect.clock, values: [] }, trial ? 0 : undefined);
    const serverTime = Number(now.rows[0]?.[0] ?? Number.NaN);
    const reading = await this.#known(signal);
    const newest = typeof incremental?.overlap === 'number' ? await this.#newest(reading, signal) : undefined;
    const page = (records: readonly unknown[]): Page => ({
      records,
      fetchedAt: clock.now(),
      serverTime: Number.isFinite(serverTime) ? serverTime : undefined,
      newest,
    });
    const { keyset, order } = reading;
    const from = since === undefined ? undefined : reading.since?.(String(since));
    const incomplete = await this.#incomplete(reading, from !== undefined, signal);
    if (incomplete.length > 0) yield page(incomplete);
    let after: readonly Placed[] | undefined;
    for (;;) {
      const { columns, rows } = await ask(keyset.chunk({ since: from, after }, chunk));
      yield page(rows.map(rowReader(columns, this.#fields)));
      const last = rows.at(-1);
      if (last === undefined || rows.length < chunk) return;
      const place = placeOf(last, columns, order);
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
    const { columns, order } = await this.#describe(signal);
    const { table } = this.#endpoint.config;
    const known = table === undefined ? undefined : await this.#table(table, signal);
    const key = known?.key ?? order.slice(-keyFieldsOf(this.#endpoint.entity.config).length).map(({ name }) => name);
    const { rows, bytes } = known ?? {};
    const nullable = new Map(known?.columns.map((column) => [column.name, column.nullable]));
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

  async #known(signal: AbortSignal): Promise<Reading> {
    this.#reading ??= (await this.#describe(signal)).reading;
    return this.#reading;
  }

  /** Asks what the columns are, and whether rows can be read in the order of version and key. */
  async #describe(
    signal: AbortSignal,
  ): Promise<{ reading: Reading; columns: readonly ResultColumn[]; order: readonly OrderColumn[] }> {
    const { config, entity } = this.#endpoint;
    const { dialect } = this.#options.database;
    const { table, query } = config;
    const from = table === undefined ? `(${query}\n) AS q` : partsOf(table).map(dialect.quote).join('.');
    const unordered = new Keyset(dialect, { from, columns: config.columns, order: [] });
    const { columns } = await this.#ask(unordered.columns(), signal);
    const known = table === undefined ? undefined : await this.#table(table, signal);
    const nullable = new Map(known?.columns.map((column) => [column.name, column.nullable]));
    const version = config.incremental === undefined ? undefined : entity.config.version;
    const named = (name: string) => this.#column(name, columns);
    const order = [...(version === undefined ? [] : [version]), ...keyFieldsOf(entity.config)].map((name) => {
      const column = named(name);
      if (column.sorting === 'inconsistent') {
        const message = `the column "${column.name}" of the type ${column.type} is sorted in one way and compared in another, so rows cannot be read in its order: let a query make text or a number of it`;
        throw new FatalError('key_unsorted', `${this.#where}: ${message}`);
      }
      const isBytewise = name === version && this.#fields[name]?.type === 'string';
      // Of a view and of a query nothing tells.
      return { ...column, isBytewise, nullable: nullable.get(column.name) ?? true };
    });
    if (known !== undefined && known.key.length === 0) {
      this.#tellOnce(
        'it has no primary key: rows that have the same key by the entity become one record, and the last one read wins',
      );
    }
    const field = version === undefined ? undefined : this.#fields[version];
    const [first] = order;
    const since =
      field === undefined || first === undefined || version === undefined
        ? undefined
        : sinceWriter(field, named(version), this.#where);
    const unique = order.filter(({ name }, index) => order.findIndex((one) => one.name === name) === index);
    const keyset = new Keyset(dialect, { from, columns: config.columns, order: unique });
    return { reading: { keyset, order: unique, since }, columns, order: unique };
  }

  #column(name: string, columns: readonly ResultColumn[]): ResultColumn {
    const wanted = columnOf(name, this.#fields[name]?.from);
    const found = columns.find((column) => column.name === wanted);
    if (found !== undefined) return found;
    const message = `there is no column "${wanted}", from which the field "${name}" is read: ${expectedOneOf(columns.map((column) => column.name))}`;
    throw new FatalError('column_unknown', `${this.#where}: ${message}`);
  }

  /**
   * Rows that lack their version or a part of their key have no place in the order. Where everything is read they come first, so that the
   * consumer dead-letters each; a poll of what is new only tells of them: the dead letters of before are there.
   */
  async #incomplete({ keyset }: Reading, isNewOnly: boolean, signal: AbortSignal): Promise<readonly unknown[]> {
    const { chunk } = this.#endpoint.config;
    const statement = keyset.incomplete(isNewOnly ? 1 : chunk);
    if (statement === undefined) return [];
    const { columns, rows } = await this.#ask(statement, signal);
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
  async #newest({ keyset }: Reading, signal: AbortSignal): Promise<string | undefined> {
    const { rows } = await this.#ask(keyset.newest(), signal);
    const newest = String(rows[0]?.[0] ?? '');
    return /^\d*$/.test(newest) ? newest : undefined;
  }

  #tellOnce(doubt: string): void {
    if (this.#told.has(doubt)) return;
    this.#told.add(doubt);
    this.#options.onDoubt(`${this.#where}: ${doubt}`);
  }

  async #table(name: string, signal: AbortSignal) {
    const { database } = this.#options;
    return await this.#attempted(() => database.table(name, signal), signal);
  }

  async #ask(statement: Statement, signal: AbortSignal, retries?: number): Promise<Rows> {
    const { database, clock, onExchange } = this.#options;
    return await this.#attempted(
      async () => {
        const begun = clock.monotonic();
        const answer = await database.query(statement, signal);
        const asked = this.#concealed.conceal(statement.text);
        const answered = count(answer.rows.length, 'row');
        onExchange?.({ asked, answered, milliseconds: Math.round(clock.monotonic() - begun) });
        return answer;
      },
      signal,
      retries,
    );
  }

  /** Asks when it is its turn, and again while that may help. */
  async #attempted<T>(
    work: () => Promise<T>,
    signal: AbortSignal,
    retries = this.#endpoint.config.retries,
  ): Promise<T> {
    const { database, gate, clock, random, onRetry, onSettled } = this.#options;
    const { priority, retryDelay } = this.#endpoint.config;
    let failed = 0;
    const attempt = async () => {
      try {
        return await gate.pass(database.host, priority, signal, work);
      } catch (error) {
        throw signal.aborted ? error : this.#named(error);
      }
    };
    const answered = pRetry(attempt, {
      retries,
      // The waiting is done below, by a clock that tests can hold in their hands.
      minTimeout: 0,
      maxTimeout: 0,
      signal,
      shouldRetry: ({ error }) => error instanceof RetryableError,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (signal.aborted || retriesLeft === 0 || !(error instanceof RetryableError)) return;
        const wait = backoff(retryDelay, attemptNumber, random());
        failed += 1;
        onRetry(error.code, error.message, { failed, at: clock.now() + wait });
        if (wait > 0) await clock.sleep(wait, signal);
      },
    });
    return await answered.finally(() => {
      if (failed > 0) onSettled?.();
    });
  }

  /** The same error, saying where it happened, without secrets. What the columns are is asked again: a person may change them. */
  #named(cause: unknown): unknown {
    if (!(cause instanceof RetryableError || cause instanceof FatalError)) return cause;
    this.#reading = undefined;
    const message = `${this.#where}: ${this.#concealed.conceal(cause.message)}`;
    return cause instanceof FatalError ? new FatalError(cause.code, message) : new RetryableError(cause.code, message);
  }
}

/** The values of a row that say where it stands in the order. */
const placeOf = (row: readonly Value[], columns: readonly ResultColumn[], order: readonly OrderColumn[]): Placed[] =>
  order.map(({ name, sorting, isBytewise }) => ({
    value: row[columns.findIndex((column) => column.name === name)] ?? null,
    sorting: isBytewise ? 'text' : sorting,
  }));
