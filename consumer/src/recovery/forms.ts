import { contentHash, type PipelineConfig, wayOfStoring } from '@tributary/shared';
import { definitionOf, entitiesOf, nameOfMerges } from '../merge/rows.js';

/** What the rows of each dataset are made by: fields with their types, key, version, the definition of a merge. */
export type Forms = Readonly<Record<string, string>>;

const nameOf = (what: unknown): string => contentHash('form', 'form', { what }).slice(0, 8);

/** The form of each dataset of a pipeline, by its name. */
export function formsOf({ entities, merges }: PipelineConfig): Forms {
  const forms: Record<string, string> = {};
  for (const { dataset, queue: _queue, ...entity } of Object.values(entities)) forms[dataset] = nameOf(plain(entity));
  for (const merge of merges) {
    const sides = entitiesOf(merge).map((name) => entities[name]);
    forms[merge.dataset] = nameOf(plain({ merge: definitionOf(merge), sides }));
  }
  return forms;
}

/**
 * How the ledger writes what it keeps (ledger/content.ts, ledger/order.ts, lua/prelude.lua). A number for each change of that: a ledger of
 * another number is never read, but rebuilt from the output. It stands in the names of epochs, so consumers of an older version give way
 * to those of a newer one as they do to another configuration (deployment.ts). Names without it are of the first format.
 */
const FORMAT = 'f3';

/**
 * Names all forms of a pipeline, the format of its ledger, and the sink's way of storing rows. A ledger of other forms holds other contents.
 * A consumer that stores rows in another way gives way like one of another configuration: a new epoch fences it, and mends what it stored.
 */
export const nameOfForms = (config: PipelineConfig): string =>
  `${FORMAT}${wayOfStoring(config.sink)}${nameOfAggregates(config)}-${nameOf([nameOfMerges(config), formsOf(config)])}`;

/**
 * Consumers that make other groups are of another configuration, so that those of the older one give way. It says nothing of any other row,
 * and a pipeline without aggregates has the name that it had before there were any.
 */
const nameOfAggregates = ({ aggregates }: PipelineConfig): string =>
  aggregates.length === 0 ? '' : `a${nameOf(plain(aggregates))}`;

/** Whether the rows of records are made alike under two names of forms: only the format of the ledger, the way of storing and the aggregates may differ. */
export const makesSameRows = (one: string, other: string): boolean => configurationOf(one) === configurationOf(other);

const configurationOf = (name: string): string => name.replace(/^f\d+k?(?:a[0-9a-f]{8})?-/, '');

/** The datasets that were made in another form before. */
export function changedForms(before: Forms, now: Forms): ReadonlySet<string> {
  return new Set(
    Object.keys(now).filter((dataset) => before[dataset] !== undefined && before[dataset] !== now[dataset]),
  );
}

/**
 * The endpoints that have to be polled again for datasets of another form. A child is polled with the endpoint that it is a child of.
 * The producers poll them again by themselves when their configuration changes. But what they send then may reach a consumer
 * that does not have the new configuration yet, which leaves out what it does not know.
 */
export function endpointsOf({ endpoints, entities }: PipelineConfig, datasets: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const [id, { entity }] of Object.entries(endpoints)) {
    if (!datasets.has(entities[entity]?.dataset ?? '')) continue;
    let top = id;
    for (let parent = endpoints[top]?.parent; parent !== undefined; parent = endpoints[top]?.parent)
      top = parent.endpoint;
    found.add(top);
  }
  return found;
}

/** Without what JSON cannot hold: expressions that are compiled, settings that are not there. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
