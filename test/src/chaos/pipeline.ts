import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPipeline, type PipelineConfig, type SinkConfig, type SinkKind } from '@tributary/shared';
import { retentionFor } from './kept.js';
import type { CollectionName, Mirror } from './mirrors/mirror.js';

export interface PipelineFile {
  readonly path: string;
  readonly config: PipelineConfig;
}

/** When records share a message. */
export const PACKING = {
  always: { from: 0 },
  // A queue that keeps up holds single records; a restart of RabbitMQ makes packs.
  adapting: { from: 8 },
  never: { records: 1 },
} as const;

export type Packing = keyof typeof PACKING;

export const isPacking = (name: string): name is Packing => Object.hasOwn(PACKING, name);

/** What becomes of the rows of deleted records in Postgres. */
export type Deletes = SinkConfig['postgres']['deletes'];

/** What an older version may not know: what came last stands first. */
export const LATER_PARTS = ['aggregates', 'star'] as const;

export type LaterPart = (typeof LATER_PARTS)[number];

export interface PipelineOptions {
  readonly pack: Packing;
  readonly deletes: Deletes;
  /** What the pipeline does not have. */
  readonly without?: readonly LaterPart[];
  /** Whether records are kept for a time only. */
  readonly privacy?: boolean;
}

/** The CRM's pipeline with everything short: polls and batches each second, parts that rotate, quick retries. */
export function writePipeline(
  folder: string,
  { endpoints, isPolled }: Pick<Mirror, 'endpoints' | 'isPolled'>,
  sink: SinkKind,
  { pack, deletes: deletedRows, without = [], privacy = false }: PipelineOptions,
): PipelineFile {
  const polled = isPolled ? { schedule: { every: '1s' }, retryDelay: '100ms' } : {};
  const endpoint = (collection: CollectionName, more: object) => ({
    entity: ENTITY_OF[collection],
    ...polled,
    ...more,
    ...endpoints[collection],
  });
  // While all producers are down for long, many items are removed; none of them may stay for that.
  const deletes = { missing: true, atMost: '90 %' };
  // Only an API can be read twice without the one hurting the other: no file is archived, no log is confirmed.
  const { url } = endpoints.products as { readonly url?: unknown };
  const hasStar = !without.includes('star') && /^https?:/.test(String(url));
  const offers = hasStar ? { url: `${String(url)}?${FOR}=offers` } : undefined;
  const entities = { ...ENTITIES, ...(offers && { offer: OFFER }) };
  return write(folder, {
    name: 'chaos',
    entities,
    ...(privacy && { retention: retentionFor(Object.keys(entities)) }),
    endpoints: {
      customers: endpoint('customers', { deletes: { when: 'archived == true' } }),
      products: endpoint('products', isPolled ? { deletes } : {}),
      ...(offers && { offers: { ...endpoint('products', { deletes }), entity: 'offer', ...offers } }),
    },
    merges: { ...MERGES, ...(offers && { customer_star: STAR }) },
    ...(!without.includes('aggregates') && { aggregates: AGGREGATES }),
    batch: { size: 10, interval: '1s' },
    pack: PACKING[pack],
    sink: {
      type: sink,
      csv: { directory: join(folder, 'output'), maxPartSize: '256KB' },
      postgres: { schema: 'chaos', history: true, deletes: deletedRows },
    },
  });
}

/** The parameter of a request that names the endpoint whose it is, where several read one collection. The CRM does not look at it. */
export const FOR = 'for';

/** JSON is YAML. */
export function write(folder: string, pipeline: object): PipelineFile {
  const path = join(folder, 'pipeline.yaml');
  writeFileSync(path, JSON.stringify(pipeline, undefined, 2));
  return { path, config: loadPipeline(path, {}) };
}

/** The entity that the records of a collection are. */
const ENTITY_OF: Readonly<Record<CollectionName, keyof typeof ENTITIES>> = {
  customers: 'customer',
  products: 'inventory',
};

/** Where the CRM tells the truth about an entity. */
export const TRUTH_OF: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.entries(ENTITY_OF).map(([collection, entity]) => [entity, [`/${collection}`]])),
  offer: ['/products'],
};

const ENTITIES = {
  customer: {
    dataset: 'customers',
    queue: 'customer_data',
    key: 'id',
    version: 'updatedAt',
    fields: {
      id: 'string',
      name: 'string',
      email: 'string',
      phone: 'string?',
      company: 'string?',
      city: 'string?',
      country: 'string?',
      segment: 'string?',
      lines: { type: 'list', items: { sku: 'string', quantity: 'integer' } },
      archived: 'boolean?',
      updatedAt: 'datetime',
    },
  },
  inventory: {
    dataset: 'inventory',
    queue: 'inventory_data',
    key: 'sku',
    version: 'updatedAt',
    fields: {
      sku: 'string',
      name: 'string',
      category: 'string?',
      price: 'number',
      currency: 'string',
      stock: 'integer',
      reorderLevel: 'integer?',
      warehouse: 'string?',
      updatedAt: 'datetime',
    },
  },
};

/** What the products cost: read by an endpoint of its own, so that it comes before or behind the products, whichever the faults decide. */
const OFFER = {
  dataset: 'offers',
  queue: 'offer_data',
  key: 'sku',
  version: 'updatedAt',
  fields: { sku: 'string', price: 'number', stock: 'integer', updatedAt: 'datetime' },
};

const STAR = {
  each: { entity: 'customer', lines: 'lines' },
  with: [
    { entity: 'inventory', on: 'sku' },
    { entity: 'offer', on: 'sku' },
  ],
  missing: 'empty',
  columns: {
    customer_name: 'customer.name',
    quantity: 'line.quantity',
    item_name: 'inventory.name',
    price: 'offer.price',
    line_value: { type: 'number', decimals: 2, value: 'double(line.quantity) * offer.price' },
    is_last: { type: 'boolean', value: 'offer.stock <= line.quantity && inventory.reorderLevel != null' },
  },
};

/** Groups that rows leave and come into, of an entity and of a merge. */
const AGGREGATES = {
  items_by_hour: {
    from: 'inventory',
    by: ['category'],
    window: { column: 'updatedAt', every: 'hour' },
    metrics: {
      items: 'count',
      stock: { sum: 'stock' },
      prices: { sum: 'price' },
      mean: { average: 'price', decimals: 3 },
      dearest: { max: 'price' },
      warehouses: { distinct: 'warehouse' },
    },
    every: '1s',
  },
  lines_by_segment: {
    from: 'customer_inventory',
    by: ['customer_segment', 'in_stock'],
    metrics: { lines: 'count', quantity: { sum: 'quantity' }, value: { sum: 'line_value' }, least: { min: 'price' } },
    every: '1s',
  },
};

const MERGES = {
  customer_inventory: {
    each: { entity: 'customer', lines: 'lines' },
    with: { entity: 'inventory', on: 'sku' },
    columns: {
      customer_id: 'customer.id',
      customer_name: 'customer.name',
      customer_city: 'customer.city',
      customer_phone: 'customer.phone',
      customer_segment: 'customer.segment',
      sku: 'line.sku',
      quantity: 'line.quantity',
      item_name: 'inventory.name',
      price: 'inventory.price',
      stock: 'inventory.stock',
      warehouse: 'inventory.warehouse',
      line_value: { type: 'number', decimals: 2, value: 'double(line.quantity) * inventory.price' },
      in_stock: { type: 'boolean', value: 'inventory.stock >= line.quantity' },
      left: {
        type: 'string',
        value: 'string(inventory.stock - line.quantity) + (customer.phone == null ? "" : " for " + customer.phone)',
      },
    },
  },
  customer_items: {
    each: { entity: 'customer', lines: 'lines' },
    with: { entity: 'inventory', on: 'sku' },
    missing: 'empty',
    columns: {
      customer_name: 'customer.name',
      quantity: 'line.quantity',
      item_name: 'inventory.name',
      price: 'inventory.price',
    },
  },
};
