import { compileEntity, type Dataset, datasetsOf, type PipelineConfig } from '@tributary/shared';
import type { StoredDataset, StoredOutput } from './port.js';

/**
 * What will become of what an output holds, where a pipeline file differs from what it was written by: one sentence for each
 * difference, for a person to read before it happens. Nothing that is told to stay is touched.
 */
export function tellAgainst(config: PipelineConfig, stored: StoredOutput): string[] {
  const datasets = datasetsOf(config);
  const names = new Set(datasets.map(({ name }) => name));
  const told: string[] = [];
  for (const one of stored.datasets) {
    const dataset = datasets.find(({ name }) => name === one.name);
    if (dataset === undefined) {
      const missing = datasets.filter(({ name }) => !stored.datasets.some((other) => other.name === name));
      told.push(tellUnnamed(one, missing));
    } else {
      told.push(...tellColumns(dataset, one, stored), ...tellKey(config, one));
    }
  }
  told.push(...(stored.more ?? []));
  return names.size === 0 ? [] : told;
}

/** Perhaps it was renamed; perhaps the dataset of a merge was. */
function tellUnnamed({ name, amount }: StoredDataset, missing: readonly Dataset[]): string {
  const renamed =
    missing.length === 0
      ? ''
      : ` If it was renamed to ${missing.map((one) => one.name).join(' or ')}: that begins empty, and is filled by a full poll.`;
  return `${name} (${amount}) belongs to no entity, merge or aggregate of the file: it stays as it is, and is not written to any more.${renamed}`;
}

function tellColumns(dataset: Dataset, { name, columns, isEmpty }: StoredDataset, stored: StoredOutput): string[] {
  const told: string[] = [];
  if (isEmpty) return told;
  for (const [column, was] of columns) {
    const field = dataset.columns[column];
    if (field === undefined) {
      told.push(`${name}.${column} is in the output and not in the file: ${stored.droppedColumn}.`);
    } else if (was !== undefined && was !== field.type) {
      told.push(`${name}.${column} is stored as ${was}, and the file says ${field.type}: ${stored.changedType}.`);
    }
  }
  for (const column of Object.keys(dataset.columns)) {
    if (columns.has(column)) continue;
    const filled = dataset.groups === undefined ? 'everything is polled once more' : 'the groups are calculated anew';
    told.push(`${name}.${column} is in the file and not in the output: it is added, and ${filled}.`);
  }
  return told;
}

/** Rows lie under the key that they were written by. Under another key the same records make rows of their own. */
function tellKey({ entities }: PipelineConfig, { name, amount, sample }: StoredDataset): string[] {
  const [entity, settings] = Object.entries(entities).find(([, { dataset }]) => dataset === name) ?? [];
  if (entity === undefined || settings === undefined) return [];
  const { keyOf } = compileEntity(entity, settings);
  const other = sample.filter(({ key, values }) => keyOf(values) !== key);
  const [example] = other;
  // A formula that was neutralised, or a key of another program, is no change of the key.
  if (example === undefined || other.length < sample.length) return [];
  const key = [settings.key].flat().join(', ');
  const now = keyOf(example.values) ?? 'nothing';
  return [
    `${name} (${amount}) was written by another key than ${key} (such as ${example.key}, which would be ${now}): those rows stay beside the new ones, so each record will be there twice. Give the entity a new dataset and queue, or delete the old rows.`,
  ];
}
