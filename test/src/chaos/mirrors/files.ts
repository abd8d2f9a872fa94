import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Changes, type CrmRecord, Follower, KEYS } from './follow.js';
import type { MirrorKind } from './mirror.js';

/** Lines of a file of customers; then another one begins. */
const LINES = 400;
const PRODUCT = ['sku', 'name', 'category', 'price', 'currency', 'stock', 'reorderLevel', 'warehouse', 'updatedAt'];

/**
 * A folder of files. Changes of customers are added to NDJSON files, which grow. The products are one CSV file with all of them, which is
 * replaced with each change.
 */
export const filesMirror: MirrorKind = {
  async start({ api, folder, signal }, release) {
    const customers = join(folder, 'source', 'customers');
    const products = join(folder, 'source', 'products');
    await mkdir(customers, { recursive: true });
    await mkdir(products, { recursive: true });
    const files = new Folder(customers, products);
    const follower = new Follower({ api, signal, write: (changes) => files.write(changes) });
    release.add('the follower of the CRM', () => follower.end());
    await files.write({ collection: 'products', records: [], gone: [] });
    return {
      endpoints: {
        customers: { source: 'files', path: join(customers, '*.ndjson'), append: true, settle: '0s', chunk: 50 },
        products: { source: 'files', path: join(products, '*.csv'), settle: '0s', chunk: 50 },
      },
      server: undefined,
      isPolled: true,
      begin: () => follower.begin(),
      caughtUp: (stop) => follower.caughtUp(stop),
    };
  },
};

class Folder {
  readonly #customers: string;
  readonly #products: string;
  readonly #all = new Map<string, CrmRecord>();
  #lines = 0;

  constructor(customers: string, products: string) {
    this.#customers = customers;
    this.#products = products;
  }

  async write({ collection, records, gone }: Changes): Promise<void> {
    if (collection === 'customers') return await this.#add(records);
    for (const record of records) this.#all.set(String(record[KEYS.products]), record);
    for (const key of gone) this.#all.delete(key);
    await this.#replace();
  }

  /** In two writes, so that a reader may find half of a line. */
  async #add(records: readonly CrmRecord[]): Promise<void> {
    const path = join(this.#customers, `${String(Math.floor(this.#lines / LINES)).padStart(6, '0')}.ndjson`);
    const text = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const half = Math.floor(text.length / 2);
    const file = await open(path, 'a');
    try {
      await file.appendFile(text.subarray(0, half));
      await file.appendFile(text.subarray(half));
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#lines += records.length;
  }

  async #replace(): Promise<void> {
    const path = join(this.#products, 'products.csv');
    const temporary = `${path}.tmp`;
    const lines = [...this.#all.values()].map((record) => PRODUCT.map((name) => cell(record[name])).join(','));
    await rm(temporary, { force: true });
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(`${PRODUCT.join(',')}\n${lines.map((line) => `${line}\n`).join('')}`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  }
}

const cell = (value: unknown): string =>
  value === undefined || value === null ? '' : `"${String(value).replaceAll('"', '""')}"`;
