import { hashOf, type Values, withoutNothing } from './content.js';

export interface Customer {
  readonly id: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly [field: string]: unknown;
}

export interface Item {
  readonly sku: string;
  readonly price: number;
  readonly stock: number;
  readonly [field: string]: unknown;
}

/** Every record of the CRM, as its API serves it. */
export interface Records {
  readonly customers: readonly Customer[];
  readonly items: readonly Item[];
}

/** A row that must be there. */
export interface ExpectedRow {
  readonly values: Values;
  readonly hash: string;
}

/** Datasets of the demo, each with its rows by key. */
export type ExpectedRows = Readonly<
  Record<'customers' | 'inventory' | 'customer_inventory', ReadonlyMap<string, ExpectedRow>>
>;

/** The newest state of every dataset of the demo's pipeline.yaml, computed from what the CRM holds and nothing else. */
export function expectedRows({ customers, items }: Records): ExpectedRows {
  const bySku = new Map(items.map((item) => [item.sku, item]));
  const merged = customers.flatMap((customer) =>
    customer.lines.flatMap((line) => {
      const item = bySku.get(line.sku);
      const key = `${customer.id}/${line.sku}`;
      return item === undefined ? [] : [expected('customer_inventory', key, mergedRow(customer, line, item))];
    }),
  );
  return {
    customers: new Map(customers.map((customer) => expected('customer', customer.id, customer))),
    inventory: new Map(items.map((item) => expected('inventory', item.sku, item))),
    customer_inventory: new Map(merged),
  };
}

function expected(hashedAs: string, key: string, record: Values): [string, ExpectedRow] {
  const values = withoutNothing(record);
  return [key, { values, hash: hashOf(hashedAs, key, values) }];
}

/** An order line with its customer and its item: what `merge` in pipeline.yaml asks for, written once more by hand. */
function mergedRow(customer: Customer, line: Customer['lines'][number], item: Item): Values {
  return {
    customer_id: customer.id,
    customer_name: customer.name,
    customer_email: customer.email,
    customer_phone: customer.phone,
    customer_company: customer.company,
    customer_city: customer.city,
    customer_country: customer.country,
    customer_segment: customer.segment,
    customer_updated_at: customer.updatedAt,
    sku: line.sku,
    quantity: line.quantity,
    item_name: item.name,
    category: item.category,
    price: item.price,
    currency: item.currency,
    stock: item.stock,
    reorder_level: item.reorderLevel,
    warehouse: item.warehouse,
    item_updated_at: item.updatedAt,
    line_value: Number((line.quantity * item.price).toFixed(2)),
    in_stock: item.stock >= line.quantity,
  };
}
