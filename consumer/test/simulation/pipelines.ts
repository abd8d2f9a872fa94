import { compileEntity, datasetsOf, parsePipeline } from '@tributary/shared';
import { createMergeRows } from '../../src/merge/rows.js';

/**
 * Two pipelines: in one, records and merged rows hold their versions; in the other, an earlier content may come back.
 * @param changed whether customers have one field more, and the merge too
 */
const yaml = (versioned: boolean, changed: boolean): string => `
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

function makePipeline(versioned: boolean, changed = false) {
  const config = parsePipeline(yaml(versioned, changed), {}, 'simulation.yaml');
  const merges = createMergeRows(config);
  const [mergeRows] = merges;
  if (mergeRows === undefined) throw new Error('the simulated pipeline has a merge');
  const entities = Object.entries(config.entities).map(([name, entity]) => compileEntity(name, entity));
  return { config, merges, mergeRows, entities, datasets: datasetsOf(config), versioned };
}

export const VERSIONED = makePipeline(true);
export const UNVERSIONED = makePipeline(false);

/** The same after a change of the configuration. */
export const CHANGED = { versioned: makePipeline(true, true), unversioned: makePipeline(false, true) };
