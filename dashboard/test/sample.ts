import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeCell, type PipelineConfig, parsePipeline, partName, SYSTEM_COLUMNS } from '@tributary/shared';
import { writeToString } from 'fast-csv';

const PIPELINE = `
entities:
  customer:
    dataset: customers
    queue: customer_data
    key: id
    version: updatedAt
    fields:
      id: string
      name: string
      note: string?
      spent: number?
      balance: decimal?
      points: integer?
      active: boolean?
      lines: { type: list, items: { sku: string, quantity: integer }, optional: true }
      updatedAt: datetime
  item:
    dataset: items
    queue: items
    key: sku
    fields: { sku: string, price: number }
endpoints:
  crm: { url: "http://127.0.0.1:1/customers", entity: customer }
merges:
  customer_items:
    each: { entity: customer, lines: lines }
    with: { entity: item, on: sku }
    columns: { customer_name: customer.name, price: item.price, value: { type: number, decimals: 2, value: double(line.quantity) * item.price } }
sink:
  type: \${SINK:-csv}
  csv: { directory: "\${DIRECTORY}" }
`;

/** @param more YAML that is added to the file */
export const sampleConfig = (directory: string, sink = 'csv', more = ''): PipelineConfig =>
  parsePipeline(`${PIPELINE}${more}`, { DIRECTORY: directory, SINK: sink }, 'sample.yaml');

/** A row of `customers` as a test states it; what it leaves out is made up. */
export interface SampleRow {
  readonly key: string;
  /** Hours after the beginning of the day: the version, and when it was written. */
  readonly at: number;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly deleted?: boolean;
  /** Instead of the time in `at`. */
  readonly version?: string;
}

export const time = (hour: number): string => new Date(Date.UTC(2026, 0, 5) + hour * 3_600_000).toISOString();

/** The lines of a part of `customers`, without a header, as the sink writes them. */
export async function customerLines(directory: string, rows: readonly SampleRow[], neutralise = true): Promise<string> {
  const fields = sampleConfig(directory).entities.customer?.fields ?? {};
  const text = (value: string) => encodeCell(value, { type: 'string', optional: false, maxLength: 1000 }, neutralise);
  const lines = rows.map(({ key, at, values, deleted = false, version = time(at) }) => {
    const record: Record<string, unknown> = { id: key, name: `Customer ${key}`, updatedAt: time(at), ...values };
    const own = Object.entries(fields).map(([name, field]) =>
      encodeCell(deleted ? undefined : record[name], field, neutralise),
    );
    const messageId = `01900000-0000-7000-8000-${String(at * 1000).padStart(12, '0')}`;
    return [...own, text(key), `hash-of-${key}-${at}`, text(version), text(messageId), String(deleted), time(at)];
  });
  return await writeToString(lines, { rowDelimiter: '\r\n', includeEndRowDelimiter: true });
}

export const customerHeader = (directory: string): string =>
  `${[...Object.keys(sampleConfig(directory).entities.customer?.fields ?? {}), ...SYSTEM_COLUMNS].join(',')}\r\n`;

export const partPath = (directory: string, writer = 'one', number = 1, dataset = 'customers'): string =>
  join(directory, dataset, partName(writer, number));

/** Writes a part of `customers` anew, header first. */
export async function writePart(
  directory: string,
  rows: readonly SampleRow[],
  writer = 'one',
  number = 1,
  neutralise = true,
): Promise<string> {
  const path = partPath(directory, writer, number);
  await mkdir(join(directory, 'customers'), { recursive: true });
  await writeFile(path, customerHeader(directory) + (await customerLines(directory, rows, neutralise)));
  return path;
}

export async function appendRows(directory: string, rows: readonly SampleRow[], writer = 'one'): Promise<void> {
  await appendFile(partPath(directory, writer), await customerLines(directory, rows));
}

/** Everything an iterable yields. */
export async function collect<T>(items: AsyncIterable<T> | undefined): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items ?? []) all.push(item);
  return all;
}
