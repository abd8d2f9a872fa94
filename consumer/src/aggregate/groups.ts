import { createHash } from 'node:crypto';
import { type AggregateConfig, type Dataset, isUsableKey, joinKey, type Metric, timeZone } from '@tributary/shared';
import { ACCUMULATORS, type Accumulator } from './accumulators.js';

export type Values = Readonly<Record<string, unknown>>;

/** A group as it should be. */
export interface Group {
  readonly key: string;
  readonly values: Values;
}

/** An aggregate of a pipeline, and how its groups are made of rows of the dataset that it is from. */
export interface Aggregate {
  readonly dataset: Dataset;
  readonly source: Dataset;
  /** The columns of the source that it looks at. */
  readonly columns: readonly string[];
  /** Milliseconds. */
  readonly every: number;
  /** Begins to group rows: each that is added counts once. */
  begin(): Grouping;
}

export interface Grouping {
  add(values: Values): void;
  groups(): Iterable<Group>;
}

export function compileAggregate(config: AggregateConfig, dataset: Dataset, source: Dataset): Aggregate {
  const { by, window, metrics, every } = config;
  const columns = new Set(by);
  if (window !== undefined) columns.add(window.column);
  for (const { column } of Object.values(metrics)) if (column !== undefined) columns.add(column);
  return { dataset, source, columns: [...columns], every, begin: () => new Groups(config, source) };
}

class Groups implements Grouping {
  readonly #config: AggregateConfig;
  readonly #metrics: readonly (readonly [name: string, metric: Metric])[];
  readonly #source: Dataset;
  readonly #windowOf: ((values: Values) => unknown) | undefined;
  readonly #groups = new Map<string, { readonly of: Values; readonly metrics: readonly Accumulator[] }>();

  constructor(config: AggregateConfig, source: Dataset) {
    this.#config = config;
    this.#metrics = Object.entries(config.metrics);
    this.#source = source;
    this.#windowOf = config.window && compileWindow(config.window);
  }

  add(values: Values): void {
    const of = this.#grouped(values);
    const key = keyOf(of);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { of: Object.fromEntries(of), metrics: this.#metrics.map(([, metric]) => this.#accumulator(metric)) };
      this.#groups.set(key, group);
    }
    for (const [at, [, { column }]] of this.#metrics.entries()) {
      const value = column === undefined ? true : filledIn(values, column);
      if (value !== undefined) group.metrics[at]?.add(value);
    }
  }

  *groups(): Generator<Group> {
    for (const [key, { of, metrics }] of this.#groups) {
      const values = { ...of };
      for (const [at, [name]] of this.#metrics.entries()) values[name] = metrics[at]?.result();
      yield { key, values: withoutAbsent(values) };
    }
  }

  #accumulator(metric: Metric): Accumulator {
    return ACCUMULATORS[metric.kind](metric, this.#source.columns[metric.column ?? '']?.type ?? 'integer');
  }

  /** What names the group of a row: the values of its columns, in their order. */
  #grouped(values: Values): [string, unknown][] {
    const { by, window } = this.#config;
    const of = by.map((column): [string, unknown] => [column, filledIn(values, column)]);
    if (window !== undefined) of.push([window.every, this.#windowOf?.(values)]);
    return of;
  }
}

/** An empty text is no value: CSV cannot hold the difference, and both sinks have to make the same groups. */
function filledIn(values: Values, column: string): unknown {
  const value = Object.hasOwn(values, column) ? values[column] : undefined;
  return value === null || value === '' ? undefined : value;
}

const withoutAbsent = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Stands for no value in a key: text never has it there, because its `%` is escaped. */
const NOTHING = '%0';
/** The key of the only group, where nothing is grouped by. */
const ALL = 'all';

/** Two groups never have one key. A key that no sink could hold, for its length or its characters, is named by its hash. */
function keyOf(of: readonly (readonly [name: string, value: unknown])[]): string {
  if (of.length === 0) return ALL;
  const key = of.map(([, value]) => (value === undefined ? NOTHING : joinKey([String(value)]))).join('/');
  if (isUsableKey(key) && key !== '') return key;
  return `%${createHash('sha256').update(key).digest('hex')}`;
}

const HOUR = 3_600_000;

/** Where the window of a row begins: a day as a date, an hour as a moment. */
function compileWindow({
  column,
  every,
  zone,
}: NonNullable<AggregateConfig['window']>): (values: Values) => string | undefined {
  const place = zone === undefined || zone === 'UTC' ? undefined : timeZone(zone);
  return (values) => {
    const value = filledIn(values, column);
    if (typeof value !== 'string') return undefined;
    // A date is the same day everywhere.
    if (!value.includes('T')) return value;
    const moment = Date.parse(value);
    // Another program may have changed a cell.
    if (Number.isNaN(moment)) return undefined;
    const offset = place?.offsetAt(moment) ?? 0;
    if (every === 'day') return (timeOf(moment + offset) ?? timeOf(moment))?.slice(0, 10);
    return timeOf(Math.floor((moment + offset) / HOUR) * HOUR - offset);
  };
}

/** Undefined beyond the years that a column can hold: a zone may reach over their ends. */
function timeOf(moment: number): string | undefined {
  const text = new Date(moment).toISOString();
  return /^(?!0000)\d{4}-/.test(text) ? text : undefined;
}
