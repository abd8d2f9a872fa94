import { datasetsOf, type PipelineConfig } from '@tributary/shared';
import { type Aggregate, compileAggregate } from './groups.js';

/** The aggregates of a pipeline. */
export function aggregatesOf(config: PipelineConfig): Aggregate[] {
  const datasets = datasetsOf(config);
  return config.aggregates.map((one) => {
    const dataset = datasets.find(({ name }) => name === one.dataset);
    const source = datasets.find(({ name }) => name === one.from);
    if (dataset === undefined || source === undefined) throw new Error(`${one.dataset} or ${one.from} is no dataset`);
    return compileAggregate(one, dataset, source);
  });
}
