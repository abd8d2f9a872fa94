import { compileEntity, datasetsOf, parsePipeline } from '@tributary/shared';
import { createMergeRows } from '../../src/merge/rows.js';

/** What a pipeline is like. */
interface Kind {
  /** Records and merged rows hold their versions; without, an earlier content may come back. */
  readonly versioned: boolean;
  /** Whether customers have one field more, and the merge too. */
  readonly changed?: boolean;
  /** Whether merged rows leave out the versions of their records: a record that changes nothing else makes the row that is there. */
  readonly plain?: boolean;
  /** What a line does without its item. */
  readonly missing?: 'wait' | 'empty';
  /** Whether items have owners. */
  readonly owners?: boolean;
  /** Whether lines point at warehouses too, and the merge joins all three. */
  readonly star?: boolean;
  /** Whether there is a second merge, of these owners with the customers that they are, which leaves empty what is missing. */
  readonly second?: boolean;
}

const yaml = ({
  versioned,
  changed = false,
  plain = false,
  missing = 'wait',
  owners = false,
  second = false,
  star = false,
}: Kind): string => `
name: simulation
entities:
  customer:
    dataset: customers
    queue: customer_data
    key: id
    ${versioned ? 'version: revision' : ''}
    fields:
      id: string
      name: string
      lines: { type: list, items: { sku: string, quantity: integer${star ? ', place: string?' : ''} } }
      ${changed ? 'phone: string?' : ''}
      ${versioned ? 'revision: integer' : ''}
  inventory:
    dataset: inventory
    queue: inventory_data
    key: sku
    ${versioned ? 'version: revision' : ''}
    fields:
      sku: string
      price: integer
      ${owners ? 'owners: { type: list, items: { id: string } }' : ''}
      ${versioned ? 'revision: integer' : ''}
${star ? warehouse(versioned) : ''}
endpoints: {}
merges:
  customer_inventory:
    each: { entity: customer, lines: lines }
    with: [{ entity: inventory, on: sku }${star ? ', { entity: warehouse, on: place }' : ''}]
    missing: ${missing}
    columns:
      name: customer.name
      quantity: line.quantity
      price: inventory.price
      worth: { type: integer, value: line.quantity * inventory.price }
      ${star ? 'city: warehouse.city' : ''}
      ${changed ? 'phone: customer.phone' : ''}
      ${versioned && !plain ? 'customer_revision: customer.revision' : ''}
      ${versioned && !plain ? 'item_revision: inventory.revision' : ''}
${second ? SECOND_MERGE : ''}
batch: { size: 2, interval: 1s }
`;

const warehouse = (versioned: boolean) => `
  warehouse:
    dataset: warehouses
    queue: warehouse_data
    key: code
    ${versioned ? 'version: revision' : ''}
    fields: { code: string, city: string${versioned ? ', revision: integer' : ''} }
`;

const SECOND_MERGE = `
  item_owners:
    each: { entity: inventory, lines: owners }
    with: { entity: customer, on: id }
    missing: empty
    columns: { price: inventory.price, name: customer.name }
`;

export type Pipeline = ReturnType<typeof makePipeline>;

function makePipeline(kind: Kind) {
  const config = parsePipeline(yaml(kind), {}, 'simulation.yaml');
  const merges = createMergeRows(config);
  const entities = Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity));
  return { config, merges, entities, datasets: datasetsOf(config), kind };
}

const made = new Map<string, Pipeline>();

/** The pipeline of this kind; each is made once. */
export function pipelineOf(kind: Kind): Pipeline {
  const name = JSON.stringify(kind);
  const known = made.get(name) ?? makePipeline(kind);
  made.set(name, known);
  return known;
}
