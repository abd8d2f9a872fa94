import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash, datasetsOf, type PipelineConfig, parsePipeline, systemClock } from '@tributary/shared';
import { createSink } from '../../consumer/src/sinks/create.js';
import type { Truth } from '../src/audit/truth.js';

/** A pipeline with everything that an audit looks at, and little else. */
export function samplePipeline(directory: string): PipelineConfig {
  return parsePipeline(
    `
entities:
  customer:
    dataset: customers
    queue: customer_data
    key: id
    version: updatedAt
    fields:
      id: string
      name: string
      lines: { type: list, items: { sku: string, quantity: integer } }
      updatedAt: datetime
  item:
    dataset: items
    queue: item_data
    key: sku
    version: updatedAt
    fields: { sku: string, price: number, stock: integer, updatedAt: datetime }
endpoints:
  customers: { url: http://127.0.0.1:1/customers, entity: customer }
  items: { url: http://127.0.0.1:1/items, entity: item }
merges:
  orders:
    each: { entity: customer, lines: lines }
    with: { entity: item, on: sku }
    columns:
      name: customer.name
      sku: line.sku
      quantity: line.quantity
      price: item.price
      value: { type: number, decimals: 2, value: double(line.quantity) * item.price }
      in_stock: { type: boolean, value: item.stock >= line.quantity }
sink:
  csv: { directory: ${JSON.stringify(directory)} }
`,
    {},
    'sample.yaml',
  );
}

export const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;

/** Ada has two lines to one item; Bob, with a formula for a name, one; nobody has the item that Cyd orders. */
const ADA = { id: 'C/1', name: 'Ada "the first", Countess', lines: [line('S1', 2), line('S1', 3)], updatedAt: at(10) };
const BOB = { id: 'C2', name: '=cmd()', lines: [line('S2', 7)], updatedAt: at(11) };
const CYD = { id: 'C3', name: 'Cyd\r\nof two lines', lines: [line('S9', 1)], updatedAt: at(12) };
const S1 = { sku: 'S1', price: 1.1, stock: 2, updatedAt: at(20) };
const S2 = { sku: 'S2', price: 20, stock: 7, updatedAt: at(21) };

function line(sku: string, quantity: number) {
  return { sku, quantity };
}

export const sampleRecords = { customer: [ADA, BOB, CYD], item: [S1, S2] };

/** @param removed items that the API has removed */
export function truthOf(
  records: Readonly<Record<string, readonly unknown[]>>,
  removed: readonly unknown[] = [],
): Truth {
  const changedAt = Date.parse(at(30));
  return {
    async *records(entity) {
      if (entity === 'item') for (const record of removed) yield { record, changedAt, pending: false, deleted: true };
      for (const record of records[entity] ?? []) yield { record, changedAt, pending: false };
    },
  };
}

/** A stored row before it is a line: its own columns by name, and the system's. */
export interface SampleRow {
  readonly values: Readonly<Record<string, unknown>> | null;
  readonly key: string;
  readonly hash: string;
  readonly version: string;
  readonly messageId: string;
}

export type SampleRows = Record<'customers' | 'items' | 'orders', SampleRow[]>;

/** What a pipeline that did everything right has written, each dataset oldest first: Bob had an older line and name. */
export function rightRows(): SampleRows {
  const oldBob = { ...BOB, name: 'Bob', lines: [line('S1', 1)], updatedAt: at(1) };
  return {
    customers: [
      recordRow('customer', 'id', oldBob, 'm01'),
      recordRow('customer', 'id', ADA, 'm02'),
      recordRow('customer', 'id', BOB, 'm03'),
      recordRow('customer', 'id', CYD, 'm04'),
    ],
    items: [recordRow('item', 'sku', S1, 'm05'), recordRow('item', 'sku', S2, 'm06')],
    orders: [
      orderRow('C2/S1', ['m01', at(1)], ['m05', at(20)], order('Bob', 'S1', 1, 1.1, 1.1, true)),
      orderRow('C%2F1/S1', ['m02', at(10)], ['m05', at(20)], order(ADA.name, 'S1', 2, 1.1, 2.2, true)),
      orderRow('C%2F1/S1/2', ['m02', at(10)], ['m05', at(20)], order(ADA.name, 'S1', 3, 1.1, 3.3, false)),
      orderRow('C2/S1', ['m03', at(11)], ['m05', at(20)], null),
      orderRow('C2/S2', ['m03', at(11)], ['m06', at(21)], order(BOB.name, 'S2', 7, 20, 140, true)),
    ],
  };
}

function order(name: string, sku: string, quantity: number, price: number, value: number, inStock: boolean) {
  return { name, sku, quantity, price, value, in_stock: inStock };
}

export function recordRow(
  entity: 'customer' | 'item',
  keyField: string,
  record: Readonly<Record<string, unknown>>,
  messageId: string,
): SampleRow {
  const key = String(record[keyField]);
  return { values: record, key, hash: contentHash(entity, key, record), version: String(record.updatedAt), messageId };
}

export function orderRow(
  key: string,
  [eachId, eachVersion]: readonly [string, string],
  [itemId, itemVersion]: readonly [string, string],
  values: SampleRow['values'],
): SampleRow {
  const hash = contentHash('orders', key, values);
  return { values, key, hash, version: `${eachVersion} ${itemVersion}`, messageId: `${eachId} ${itemId}` };
}

const COLUMNS = {
  customers: ['id', 'name', 'lines', 'updatedAt'],
  items: ['sku', 'price', 'stock', 'updatedAt'],
  orders: ['name', 'sku', 'quantity', 'price', 'value', 'in_stock'],
};

export const partOf = (directory: string, dataset: keyof SampleRows): string =>
  join(directory, dataset, 'part-w-1.csv');

/** The lines of a part, its header first, as RFC 4180 has them. */
export function linesOf(dataset: keyof SampleRows, rows: readonly SampleRow[]): string[] {
  const header = [...COLUMNS[dataset], '_key', '_hash', '_version', '_message_id', '_deleted', '_written_at'];
  return [header, ...rows.map((row) => cells(dataset, row))].map((line) => `${line.map(quote).join(',')}\r\n`);
}

export function writeSample(directory: string, rows: SampleRows): void {
  for (const dataset of ['customers', 'items', 'orders'] as const) {
    mkdirSync(join(directory, dataset), { recursive: true });
    writeFileSync(partOf(directory, dataset), linesOf(dataset, rows[dataset]).join(''));
  }
}

function cells(dataset: keyof SampleRows, { values, key, hash, version, messageId }: SampleRow): string[] {
  const own = COLUMNS[dataset].map((column) => {
    const value = values?.[column];
    if (value === undefined) return '';
    return typeof value === 'object' ? JSON.stringify(value, ['quantity', 'sku']) : String(value).replace(/^=/, "'=");
  });
  return [...own, key, hash, version, messageId, String(values === null), at(40)];
}

const quote = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** Writes the rows to Postgres, oldest first, through the sink itself: its tables are what an audit must read. */
export async function storeSample(config: PipelineConfig, postgresUrl: string, rows: SampleRows): Promise<void> {
  const sink = createSink({ config, postgresUrl, clock: systemClock });
  try {
    await sink.identity();
    await sink.beginEpoch('sample');
    const writer = await sink.open('writer', 'sample');
    for (const dataset of datasetsOf(config)) {
      for (const { key, hash, version, messageId, values } of rows[dataset.name as keyof SampleRows]) {
        const order = dataset.orderOf(version, messageId);
        await writer.write(dataset.name, [{ dataset: dataset.name, key, hash, order, version, messageId, values }]);
      }
    }
    await writer.close();
  } finally {
    await sink.close();
  }
}
