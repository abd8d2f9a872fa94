import { compileEntity, datasetsOf, parsePipeline } from '@tributary/shared';
import { createMergeRows } from '../../src/merge/rows.js';

/** What a pipeline is like. */
interface Kind {
  /** Records and merged rows hold their versions; without, an earlier content may come back. */
  readonly versioned: boolean;
  /** Whether customers have one field more, and the merge too. */
  readonly changed?: boolean;
  /** What a line does without its item. */
  readonly missing?: 'wait' | 'empty';
}

const yaml = ({ versioned, changed = false, missing = 'wait' }: Kind): string => `
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
      lines: { type: list, items: { sku: string, quantity: integer } }
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
      ${versioned ? 'revision: integer' : ''}
endpoints: {}
merges:
  customer_inventory:
    each: { entity: customer, lines: lines }
    with: { entity: inventory, on: sku }
    missing: ${missing}
    columns:
      name: customer.name
      quantity: line.quantity
      price: inventory.price
      ${changed ? 'phone: customer.phone' : ''}
      ${versioned ? 'customer_revision: customer.revision' : ''}
      ${versioned ? 'item_revision: inventory.revision' : ''}
batch: { size: 2, interval: 1s }
`;

export type Pipeline = ReturnType<typeof makePipeline>;

function makePipeline(kind: Kind) {
  const config = parsePipeline(yaml(kind), {}, 'simulation.yaml');
  const merges = createMergeRows(config);
  const [mergeRows] = merges;
  if (mergeRows === undefined) throw new Error('the simulated pipeline has a merge');
  const entities = Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity));
  return { config, merges, mergeRows, entities, datasets: datasetsOf(config), versioned: kind.versioned };
}

const made = new Map<string, Pipeline>();

/** The pipeline of this kind; each is made once. */
export function pipelineOf(kind: Kind): Pipeline {
  const name = JSON.stringify(kind);
  const known = made.get(name) ?? makePipeline(kind);
  made.set(name, known);
  return known;
}
