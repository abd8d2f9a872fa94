import { datasetsOf, type PipelineConfig, type Registry } from '@tributary/shared';

/** What has flowed since the start, in records. */
export interface Figures {
  readonly published: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly stale: number;
  /** Records that could not be written, each time that they came. */
  readonly deadLettered: number;
  /** How often one of them lay among the dead letters already: a bad record comes with every poll. */
  readonly deadAgain: number;
  /** Rows written by dataset. */
  readonly rows: Readonly<Record<string, number>>;
}

/** What the figures are read from. */
export interface Counted {
  readonly config: PipelineConfig;
  readonly producer: { readonly registry: Registry };
  readonly consumer: { readonly registry: Registry };
}

/** Reads the figures from the services' metrics, as Prometheus would. */
export async function readFigures({ config, producer, consumer }: Counted): Promise<Figures> {
  const outcome = await sums(consumer.registry, 'tributary_records_total', 'outcome');
  const deadLettered = outcome.get('dead') ?? 0;
  const buried = await sums(consumer.registry, 'tributary_dead_letters_total', 'code');
  const written = await sums(consumer.registry, 'tributary_rows_written_total', 'dataset');
  const confirmed = await sums(producer.registry, 'tributary_publish_confirmed_total', 'queue');
  return {
    published: [...confirmed.values()].reduce((sum, count) => sum + count, 0),
    accepted: outcome.get('accepted') ?? 0,
    duplicate: outcome.get('duplicate') ?? 0,
    stale: outcome.get('stale') ?? 0,
    deadLettered,
    deadAgain: deadLettered - [...buried.values()].reduce((sum, count) => sum + count, 0),
    rows: Object.fromEntries(datasetsOf(config).map(({ name }) => [name, written.get(name) ?? 0])),
  };
}

/** What has flowed between two looks. */
export function since(before: Figures, after: Figures): Figures {
  return {
    published: after.published - before.published,
    accepted: after.accepted - before.accepted,
    duplicate: after.duplicate - before.duplicate,
    stale: after.stale - before.stale,
    deadLettered: after.deadLettered - before.deadLettered,
    deadAgain: after.deadAgain - before.deadAgain,
    rows: Object.fromEntries(
      Object.entries(after.rows).map(([dataset, rows]) => [dataset, rows - (before.rows[dataset] ?? 0)]),
    ),
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
