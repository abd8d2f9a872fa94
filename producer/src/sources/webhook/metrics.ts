import { Counter, Gauge, Histogram, type Registry } from '@tributary/shared';

export type HookMetrics = ReturnType<typeof createHookMetrics>;

export function createHookMetrics(registry: Registry) {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `tributary_hook_${name}_total`, help, labelNames, registers: [registry] });
  return {
    requests: counter(
      'requests',
      'Requests to the door for events, by what became of them: accepted, or why they were refused',
      'endpoint',
      'outcome',
    ),
    records: counter('records', 'Records of events that RabbitMQ has confirmed', 'endpoint'),
    repeated: counter(
      'repeated_events',
      'Events that this producer had taken before, by their id; they are passed on, and the consumer drops what it has',
      'endpoint',
    ),
    duration: new Histogram({
      name: 'tributary_hook_duration_seconds',
      help: 'From the first byte of an accepted event to its answer, in seconds: the confirm of RabbitMQ included',
      labelNames: ['endpoint'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
    republished: counter(
      'republished_records',
      'Records that RabbitMQ had confirmed and lost, and that were published again from their copies',
      'endpoint',
    ),
    lost: counter(
      'lost_records',
      'Records that RabbitMQ had confirmed and lost, and whose copies are gone too: only their senders have them',
      'endpoint',
    ),
  };
}

/** Registers how many records of events wait for RabbitMQ, and how many copies are kept. */
export function registerHookGauges(registry: Registry, waiting: () => number): void {
  new Gauge({
    name: 'tributary_hook_waiting_records',
    help: 'Records of events that wait for the confirm of RabbitMQ',
    registers: [registry],
    collect() {
      this.set(waiting());
    },
  });
}
