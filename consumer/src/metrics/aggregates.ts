import { Gauge, isClosing, type Registry, type Row } from '@tributary/shared';
import type { AggregatesTold } from '../aggregate/keep.js';
import type { ConsumerMetrics } from './metrics.js';

/** What the consumer that keeps the aggregates up to date tells of them. Others tell nothing: their knowledge would be old. */
export function measureAggregates(registry: Registry, metrics: ConsumerMetrics): AggregatesTold {
  const registers = [registry];
  const asOf = new Gauge({
    name: 'tributary_aggregate_as_of_seconds',
    help: 'The time whose rows the groups are made of, in seconds since 1970; told by the consumer that keeps them up to date',
    labelNames: ['dataset'],
    registers,
  });
  const took = new Gauge({
    name: 'tributary_aggregate_calculation_seconds',
    help: 'How long the last calculation of the groups took, with reading the rows and writing what differed',
    labelNames: ['dataset'],
    registers,
  });
  return {
    written(dataset: string, rows: readonly Row[]) {
      metrics.written(dataset, rows.length, rows.filter(isClosing).length);
    },
    upToDate(dataset: string, time: number, milliseconds: number | undefined) {
      asOf.set({ dataset }, time / 1_000);
      if (milliseconds !== undefined) took.set({ dataset }, milliseconds / 1_000);
    },
    failed: (dataset: string) => metrics.sinkFailed(dataset),
    over() {
      asOf.reset();
      took.reset();
    },
  };
}
