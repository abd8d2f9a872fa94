import type { Registry } from '@tributary/shared';
import type { Pipeline } from '../embedded/pipeline.js';

/** What has flowed since the start. */
export interface Figures {
  readonly published: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly stale: number;
  readonly deadLettered: number;
  /** Rows written by dataset. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Reads the figures where everybody reads them: from the services' metrics. */
export async function readFigures({ config, producer, consumer }: Pipeline): Promise<Figures> {
  const outcome = await sums(consumer.registry, 'tributary_records_total', 'outcome');
  const written = await sums(consumer.registry, 'tributary_rows_written_total', 'dataset');
  const confirmed = await sums(producer.registry, 'tributary_publish_confirmed_total', 'queue');
  const datasets = [...Object.values(config.entities).map(({ dataset }) => dataset)];
  if (config.merge !== undefined) datasets.push(config.merge.dataset);
  return {
    published: [...confirmed.values()].reduce((sum, count) => sum + count, 0),
    accepted: outcome.get('accepted') ?? 0,
    duplicate: outcome.get('duplicate') ?? 0,
    stale: outcome.get('stale') ?? 0,
    deadLettered: outcome.get('dead') ?? 0,
    rows: Object.fromEntries(datasets.map((dataset) => [dataset, written.get(dataset) ?? 0])),
  };
}

/** The sums of a counter by one of its labels. */
async function sums(registry: Registry, metric: string, label: string): Promise<Map<string, number>> {
  const found = await registry.getSingleMetric(metric)?.get();
  const sums = new Map<string, number>();
  for (const { labels, value } of found?.values ?? []) {
    const name = String(labels[label as keyof typeof labels] ?? '');
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return sums;
}
