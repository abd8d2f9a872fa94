import { type Dataset, datasetsOf, type FieldType, type PipelineConfig, SYSTEM_COLUMNS } from '@tributary/shared';
import type { SqlColumn, SqlTable, SqlType } from './port.js';

const SYSTEM_TYPES: Readonly<Record<string, SqlType>> = { _deleted: 'boolean', _written_at: 'datetime' };

export const sqlTypeOf = (type: FieldType): SqlType => (type === 'list' ? 'json' : type);

export const historyOf = (dataset: string): string => `${dataset}_history`;

/** The columns of a dataset as the pipeline file states them, and Tributary's own behind them. */
export function columnsOfDataset(dataset: Dataset): SqlColumn[] {
  const own = Object.entries(dataset.columns).map(([name, { type }]) => ({ name, type: sqlTypeOf(type) }));
  return [...own, ...SYSTEM_COLUMNS.map((name) => ({ name, type: SYSTEM_TYPES[name] ?? 'string' }))];
}

/** @param hasHistory whether the sink keeps every row */
export function tablesOf(config: PipelineConfig, hasHistory: boolean): SqlTable[] {
  const datasets = datasetsOf(config);
  return datasets.flatMap((dataset) => {
    const { name } = dataset;
    const columns = columnsOfDataset(dataset);
    const latest: SqlTable = { name, dataset: name, view: 'latest', columns };
    // A dataset may have that name itself.
    const isFree = datasets.every((one) => one.name !== historyOf(name));
    return hasHistory && isFree ? [latest, { ...latest, name: historyOf(name), view: 'history' } as const] : [latest];
  });
}
