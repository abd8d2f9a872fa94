import { type AggregateConfig, contentHash, type Dataset, type Payload } from '@tributary/shared';
import type { Expectations } from './judge.js';
import type { StoredRows } from './sinks/port.js';

/**
 * The groups that the newest rows of a dataset make, as the sink holds them; written once more from their definition (docs/aggregates.md), and
 * without a look at the consumer's code. Windows in a zone other than UTC are not known here.
 */
export async function groupsOf(sink: StoredRows, source: Dataset, aggregate: AggregateConfig): Promise<Expectations> {
  const groups = new Map<string, Payload[]>();
  for (const values of await newestOf(sink, source)) {
    const key = keyOf(aggregate, values);
    groups.set(key, [...(groups.get(key) ?? []), values]);
  }
  const contents = new Map<string, string>();
  for (const [key, rows] of groups)
    contents.set(key, contentHash(aggregate.dataset, key, rowOf(aggregate, source, rows)));
  return { keys: () => contents.keys(), content: (key) => contents.get(key) };
}

async function newestOf(sink: StoredRows, source: Dataset): Promise<Payload[]> {
  const newest = new Map<string, { readonly order: string; readonly values: Payload | undefined }>();
  for await (const row of sink.rows(source)) {
    if ('flaw' in row) continue;
    const order = source.orderOf(row.version, row.messageId);
    if ((newest.get(row.key)?.order ?? '') <= order)
      newest.set(row.key, { order, values: row.deleted ? undefined : row.values });
  }
  return [...newest.values()].map(({ values }) => values).filter((values) => values !== undefined);
}

const textOf = (values: Payload, column: string): string => String(values[column] ?? '');

function windowOf({ window }: AggregateConfig, values: Payload): string {
  if (window === undefined) return '';
  if (window.zone !== undefined && window.zone !== 'UTC') throw new Error('the audit knows windows in UTC alone');
  const text = textOf(values, window.column);
  return window.every === 'day' || text === '' ? text.slice(0, 10) : `${text.slice(0, 13)}:00:00.000Z`;
}

function keyOf(aggregate: AggregateConfig, values: Payload): string {
  const parts = aggregate.by.map((column) => textOf(values, column));
  if (aggregate.window !== undefined) parts.push(windowOf(aggregate, values));
  const escaped = parts.map((part) => (part === '' ? '%0' : part.split('%').join('%25').split('/').join('%2F')));
  return escaped.length === 0 ? 'all' : escaped.join('/');
}

function rowOf(aggregate: AggregateConfig, source: Dataset, rows: readonly Payload[]): Payload {
  const [first = {}] = rows;
  const row: Record<string, unknown> = {};
  for (const column of aggregate.by) if (textOf(first, column) !== '') row[column] = first[column];
  const begins = windowOf(aggregate, first);
  if (aggregate.window !== undefined && begins !== '') row[aggregate.window.every] = begins;
  for (const [name, { kind, column = '', decimals }] of Object.entries(aggregate.metrics)) {
    const values = rows.map((values) => values[column]).filter((value) => (value ?? '') !== '');
    const { type } = source.columns[column] ?? {};
    const value =
      kind === 'count' ? rows.length : kind === 'distinct' ? new Set(values).size : told(kind, values, type);
    if (value !== undefined) row[name] = kind === 'average' ? averageOf(values, decimals) : value;
  }
  return row as Payload;
}

function told(kind: string, values: readonly unknown[], type: string | undefined): unknown {
  if (values.length === 0) return undefined;
  if (kind === 'sum' || kind === 'average') {
    const sum = decimal(sumOf(values));
    return type === 'number' ? Number(sum) : sum;
  }
  const isNumber = type === 'number' || type === 'integer' || type === 'decimal';
  const sorted = [...values].sort((a, b) => (isNumber ? Number(a) - Number(b) : String(a) < String(b) ? -1 : 1));
  return kind === 'min' ? sorted[0] : sorted.at(-1);
}

interface Exact {
  readonly units: bigint;
  readonly scale: number;
}

function sumOf(values: readonly unknown[]): Exact {
  const texts = values.map(String);
  const scale = Math.max(...texts.map((text) => (text.split('.')[1] ?? '').length));
  const units = texts.map((text) => {
    const [whole = '', fraction = ''] = text.split('.');
    return BigInt(whole + fraction.padEnd(scale, '0'));
  });
  return { units: units.reduce((a, b) => a + b, 0n), scale };
}

function decimal({ units, scale }: Exact): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}

function averageOf(values: readonly unknown[], decimals: number): string {
  const { units, scale } = sumOf(values);
  const whole = (units < 0n ? -units : units) * 10n ** BigInt(decimals);
  const by = BigInt(values.length) * 10n ** BigInt(scale);
  const rounded = (whole + by / 2n) / by;
  return decimal({ units: units < 0n ? -rounded : rounded, scale: decimals });
}
