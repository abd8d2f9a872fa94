import { Counter, type Registry } from '@tributary/shared';

export interface MockMetrics {
  readonly responses: Counter<'collection' | 'status'>;
  readonly served: Counter<'collection'>;
  readonly changes: Counter<'collection'>;
}

export function createMetrics(registry: Registry): MockMetrics {
  const registers = [registry];
  return {
    responses: new Counter({
      name: 'tributary_mock_responses_total',
      help: 'Responses of the mock CRM; status "aborted" for a client that hung up before the end',
      labelNames: ['collection', 'status'],
      registers,
    }),
    served: new Counter({
      name: 'tributary_mock_records_served_total',
      help: 'Records in responses with status 200',
      labelNames: ['collection'],
      registers,
    }),
    changes: new Counter({
      name: 'tributary_mock_changes_total',
      help: 'Changes of records, including those put by hand',
      labelNames: ['collection'],
      registers,
    }),
  };
}
