import { Counter, Gauge, Histogram, type Registry } from '@tributary/shared';

/** Counts the records of one queue (a message may be a pack of them). Plain numbers, since they change with every message. */
export interface QueueStats {
  readonly queue: string;
  published: number;
  confirmed: number;
  returned: number;
  rejected: number;
  tooLarge: number;
  unconfirmed: number;
}

export const newQueueStats = (queue: string): QueueStats => ({
  queue,
  published: 0,
  confirmed: 0,
  returned: 0,
  rejected: 0,
  tooLarge: 0,
  unconfirmed: 0,
});

const QUEUE_COUNTERS = {
  published: 'Records sent to RabbitMQ, again after a lost connection included',
  confirmed: 'Records RabbitMQ confirmed as stored',
  returned: 'Records RabbitMQ returned because no queue takes them',
  rejected: 'Records the queue refused for now, being full; each is sent again',
  tooLarge: 'Records left out because RabbitMQ takes no message of their size',
} as const satisfies Partial<Record<keyof QueueStats, string>>;

/** Registers the publisher's counts by queue. They are read when the metrics are. */
export function registerPublishMetrics(registry: Registry, stats: () => readonly QueueStats[]): void {
  for (const [field, help] of Object.entries(QUEUE_COUNTERS)) {
    const counter = new Counter({
      name: `tributary_publish_${field === 'tooLarge' ? 'too_large' : field}_total`,
      help,
      labelNames: ['queue'],
      registers: [registry],
      collect() {
        counter.reset();
        for (const queue of stats()) counter.inc({ queue: queue.queue }, queue[field as keyof typeof QUEUE_COUNTERS]);
      },
    });
  }
  const unconfirmed = new Gauge({
    name: 'tributary_publish_unconfirmed',
    help: 'Records that RabbitMQ has not confirmed yet',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      for (const queue of stats()) unconfirmed.set({ queue: queue.queue }, queue.unconfirmed);
    },
  });
}

/** Registers how many requests are running and how many wait for the limits. They are read when the metrics are. */
export function registerGateMetrics(
  registry: Registry,
  load: () => Readonly<Record<'running' | 'waiting', number>>,
): void {
  const requests = new Gauge({
    name: 'tributary_poll_requests',
    help: 'Requests to APIs that go on now (running), or wait for the limits (waiting)',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of ['running', 'waiting'] as const) requests.set({ state }, load()[state]);
    },
  });
}

/** What is counted for each endpoint's polls. */
export type PollMetrics = ReturnType<typeof createPollMetrics>;

export function createPollMetrics(registry: Registry) {
  const counter = (name: string, help: string, ...labels: string[]) =>
    new Counter({
      name: `tributary_poll_${name}_total`,
      help,
      labelNames: ['endpoint', ...labels],
      registers: [registry],
    });
  return {
    runs: counter('runs', 'Polls that have ended, well or not'),
    failures: counter('failures', 'Polls that failed, by the code of the error', 'code'),
    retries: counter('retries', 'Requests tried again, by the code of the error', 'code'),
    retrying: new Gauge({
      name: 'tributary_poll_retrying_attempts',
      help: 'Failed attempts of the requests that are being tried again now; 0 while none is',
      labelNames: ['endpoint'],
      registers: [registry],
    }),
    doubts: counter(
      'doubts',
      'Warnings that settings, the other side or a piece of what is read may keep records from coming; the log says which',
    ),
    pages: counter('pages', 'Pages fetched'),
    inputs: counter(
      'inputs',
      'Files that were read to their end, refused, or are still being written, each time that a poll found them so',
      'outcome',
    ),
    notModified: counter('not_modified', 'Pages the API answered with 304, not modified'),
    records: counter('records', 'Records fetched'),
    keyless: counter('keyless_records', 'Records without their key; published all the same'),
    standing: counter(
      'standing_marks',
      'Polls whose full answer held only records of the time that the poll went on from, so that the mark cannot move',
    ),
    gone: counter(
      'gone_parents',
      'Requests for children answered with 404 or 410: the record they are asked for is gone',
    ),
    filtered: counter('filtered_records', "Records that the endpoint's `where` left out"),
    deleted: counter(
      'deleted_records',
      'Records whose tombstones were published: marked by the API as deleted, or missing in a complete walk',
      'why',
    ),
    notDeleted: new Gauge({
      name: 'tributary_poll_missing_records_kept',
      help: 'Records that the last walk over everything did not bring, and that were not deleted; the log says why',
      labelNames: ['endpoint'],
      registers: [registry],
    }),
    expressionFailures: counter(
      'expression_failures',
      'Expressions that failed on a record; it is published all the same',
      'expression',
    ),
    notInHierarchy: counter(
      'values_not_in_hierarchy',
      'Values that the hierarchy of their field does not have; they land as *',
      'field',
    ),
    unknownFields: new Counter({
      name: 'tributary_unknown_fields_total',
      help: 'Fields that records held and their entity does not declare',
      labelNames: ['endpoint', 'entity', 'field'],
      registers: [registry],
    }),
    personalFields: new Counter({
      name: 'tributary_personal_unknown_fields_total',
      help: 'Of these, fields whose names or values look like personal data',
      labelNames: ['endpoint', 'entity', 'field', 'kind'],
      registers: [registry],
    }),
    moving: counter(
      'moving_pages',
      'Polls whose numbered pages moved each time they were read, so that the mark stayed',
    ),
    overdue: counter('overdue_ticks', 'Ticks of the schedule at which the poll before was still going'),
    skipped: counter(
      'skipped_ticks',
      'Ticks of the schedule left out because the endpoint is left alone after failures',
    ),
    circuit: new Gauge({
      name: 'tributary_poll_circuit_open',
      help: '1 while the endpoint is left alone: after failures (open), or because it refuses our credentials (refused)',
      labelNames: ['endpoint', 'state'],
      registers: [registry],
    }),
    held: new Gauge({
      name: 'tributary_poll_endpoint_held',
      help: '1 while this producer is the one that polls the endpoint',
      labelNames: ['endpoint'],
      registers: [registry],
    }),
    duration: new Histogram({
      name: 'tributary_poll_duration_seconds',
      help: 'How long a poll took, from its first request to the last confirm, in seconds',
      labelNames: ['endpoint'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800],
      registers: [registry],
    }),
    due: new Gauge({
      name: 'tributary_poll_due_timestamp_seconds',
      help: 'When the poll after the last one that succeeded is due, in seconds since the epoch; in the past: it has not succeeded yet',
      labelNames: ['endpoint'],
      registers: [registry],
    }),
    lastSuccess: new Gauge({
      name: 'tributary_poll_last_success_timestamp_seconds',
      help: 'When the last poll that succeeded ended, in seconds since the epoch',
      labelNames: ['endpoint'],
      registers: [registry],
    }),
  };
}
