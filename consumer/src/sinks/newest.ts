import type { Dataset } from '@tributary/shared';
import type { LandedRow } from './port.js';

/**
 * By key, what is read of its newest row. Values are decoded when they are read, so those of a row that comes behind a newer one of its key
 * never are.
 */
export async function newestOf<T extends { readonly order: string }>(
  rows: AsyncIterable<LandedRow>,
  dataset: Pick<Dataset, 'orderOf'>,
  read: (row: LandedRow, order: string) => T,
): Promise<Map<string, T>> {
  const newest = new Map<string, T>();
  for await (const row of rows) {
    const order = dataset.orderOf(row.version, row.messageId);
    const known = newest.get(row.key);
    if (known === undefined || known.order < order) newest.set(row.key, read(row, order));
  }
  return newest;
}
