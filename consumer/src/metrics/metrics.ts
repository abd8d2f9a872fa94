import { Counter, Gauge, Histogram, type Registry } from '@tributary/shared';
import type { Deduplicated } from '../claim/claims.js';
import type { Entry } from '../merge/merge.js';

const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** More endpoints than a pipeline has, and longer names: a program that makes them up, as any that publishes can, must not fill the metrics. */
const ENDPOINTS_NAMED = 1_000;
const LONGEST_NAME = 200;

/** What the consumer counts and measures. Names and units are part of its interface: dashboards and alerts use them. */
export class ConsumerMetrics {
  readonly registry: Registry;
  readonly #records;
  readonly #dead;
  readonly #lettersHeld;
  readonly #unknownFields;
  readonly #rows;
  readonly #tombstones;
  readonly #removed;
  readonly #sinkFailures;
  readonly #flushRecords;
  readonly #flushSeconds;
  readonly #latency;
  readonly #processing;
  readonly #columnFailures;
  readonly #takeOvers;
  readonly #sessions;
  readonly #endpoints = new Set<string>();

  /** @param oldestUnflushed milliseconds since the oldest record that is not durable came in, by entity */
  constructor(registry: Registry, oldestUnflushed: () => Iterable<readonly [entity: string, milliseconds: number]>) {
    this.registry = registry;
    const registers = [registry];
    this.#records = new Counter({
      name: 'tributary_records_total',
      help: 'Records judged, by outcome: accepted, duplicate, stale, dead, erased, too_old',
      labelNames: ['entity', 'outcome'],
      registers,
    });
    this.#dead = new Counter({
      name: 'tributary_dead_letters_total',
      help: 'Records sent to the dead letters, by error code',
      labelNames: ['endpoint', 'entity', 'code'],
      registers,
    });
    this.#lettersHeld = new Gauge({
      name: 'tributary_dead_letters_held',
      help: 'Records that wait to be put on the dead letters, unacknowledged: RabbitMQ does not take them now',
      labelNames: ['queue'],
      registers,
    });
    this.#unknownFields = new Counter({
      name: 'tributary_unknown_fields_total',
      help: 'Fields that records held although their entity does not declare them',
      labelNames: ['endpoint', 'entity', 'field'],
      registers,
    });
    this.#rows = new Counter({
      name: 'tributary_rows_written_total',
      help: 'Rows made durable',
      labelNames: ['dataset'],
      registers,
    });
    this.#tombstones = new Counter({
      name: 'tributary_tombstones_written_total',
      help: 'Of the rows made durable, those that say that a key is no more',
      labelNames: ['dataset'],
      registers,
    });
    this.#removed = new Counter({
      name: 'tributary_rows_removed_total',
      help: 'Rows that this consumer removed since they are kept no longer, by the setting of retention: rows, history',
      labelNames: ['dataset', 'setting'],
      registers,
    });
    this.#sinkFailures = new Counter({
      name: 'tributary_sink_failures_total',
      help: 'Writes that the sink refused; each is tried again',
      labelNames: ['dataset'],
      registers,
    });
    this.#flushRecords = new Histogram({
      name: 'tributary_flush_records',
      help: 'Records in one flush: one batch, or several that filled up meanwhile',
      buckets: [1, 10, 20, 50, 100, 200, 500, 1_000],
      registers,
    });
    this.#flushSeconds = new Histogram({
      name: 'tributary_flush_seconds',
      help: 'Seconds from the start of a flush to the last acknowledgement',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
    this.#latency = new Histogram({
      name: 'tributary_latency_seconds',
      help: 'Seconds from the fetch of a record until its row is durable',
      labelNames: ['entity'],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.#processing = new Histogram({
      name: 'tributary_processing_seconds',
      help: 'The same, without the seconds that the record waited for its batch to be full',
      labelNames: ['entity'],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.#columnFailures = new Counter({
      name: 'tributary_merge_expression_failures_total',
      help: 'Expressions of columns that failed on a merged row; the column is empty there',
      labelNames: ['dataset', 'column'],
      registers,
    });
    this.#takeOvers = new Counter({
      name: 'tributary_take_overs_total',
      help: 'Dead writers whose unfinished rows this consumer took over',
      registers,
    });
    this.#sessions = new Counter({
      name: 'tributary_sessions_total',
      help: 'Times this consumer began with a new writer, by what ended the session before',
      labelNames: ['after'],
      registers,
    });
    new Gauge({
      name: 'tributary_oldest_unflushed_seconds',
      help: 'Age of the oldest record that is not durable yet: its batch is not full, or is being written',
      labelNames: ['entity'],
      registers,
      collect() {
        this.reset();
        for (const [entity, milliseconds] of oldestUnflushed()) this.set({ entity }, milliseconds / 1_000);
      },
    });
  }

  /** Counts failures of each from 0 on: the first one would begin a series otherwise, which Prometheus does not count as an increase. */
  knowDatasets(names: Iterable<string>): void {
    for (const dataset of names) this.#sinkFailures.inc({ dataset }, 0);
  }

  /** @param interval milliseconds that the oldest record of a batch waits for the others */
  tellBatchInterval(interval: number): void {
    new Gauge({
      name: 'tributary_batch_interval_seconds',
      help: 'How long the oldest record of a batch waits for the others at most, as configured',
      registers: [this.registry],
    }).set(interval / 1_000);
  }

  /** @param lying asks RabbitMQ how many letters lie on each dead-letter queue; undefined if it does not answer */
  measureDeadLetters(lying: () => Promise<ReadonlyMap<string, number> | undefined>): void {
    new Gauge({
      name: 'tributary_dead_letters_lying',
      help: 'Dead letters that RabbitMQ has now, by queue: those that were sent there, less those that were replayed, discarded or dropped',
      labelNames: ['queue'],
      registers: [this.registry],
      async collect() {
        const counts = await lying();
        this.reset();
        for (const [queue, count] of counts ?? []) this.set({ queue }, count);
      },
    });
  }

  /** @param unsettled deliveries that are neither acknowledged nor given back */
  measureUnsettled(unsettled: () => number): void {
    new Gauge({
      name: 'tributary_unsettled_deliveries',
      help: 'Deliveries held: waiting for their batch, being written, or waiting for another consumer that writes the same row',
      registers: [this.registry],
      collect() {
        this.set(unsettled());
      },
    });
  }

  judged(entity: string, { fresh, duplicates, stale }: Deduplicated): void {
    if (fresh.length > 0) this.#records.inc({ entity, outcome: 'accepted' }, fresh.length);
    if (duplicates.length > 0) this.#records.inc({ entity, outcome: 'duplicate' }, duplicates.length);
    if (stale.length > 0) this.#records.inc({ entity, outcome: 'stale' }, stale.length);
  }

  dead(endpoint: string, entity: string, code: string): void {
    this.#records.inc({ entity, outcome: 'dead' });
    this.#dead.inc({ endpoint: this.#nameOf(endpoint), entity, code });
  }

  /** @param counts by queue */
  lettersHeld(counts: ReadonlyMap<string, number>): void {
    for (const [queue, count] of counts) this.#lettersHeld.set({ queue }, count);
  }

  deadAgain(entity: string): void {
    this.#records.inc({ entity, outcome: 'dead' });
  }

  erased(entity: string): void {
    this.#records.inc({ entity, outcome: 'erased' });
  }

  tooOld(entity: string, records: number): void {
    this.#records.inc({ entity, outcome: 'too_old' }, records);
  }

  unknownField(endpoint: string, entity: string, field: string): void {
    this.#unknownFields.inc({ endpoint: this.#nameOf(endpoint), entity, field });
  }

  #nameOf(endpoint: string): string {
    if (this.#endpoints.has(endpoint)) return endpoint;
    if (this.#endpoints.size >= ENDPOINTS_NAMED || endpoint.length > LONGEST_NAME) return '(others)';
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  /** @param tombstones how many of the rows are tombstones */
  written(dataset: string, rows: number, tombstones: number): void {
    if (rows > 0) this.#rows.inc({ dataset }, rows);
    if (tombstones > 0) this.#tombstones.inc({ dataset }, tombstones);
  }

  removed(setting: string, dataset: string, rows: number): void {
    this.#removed.inc({ dataset, setting }, rows);
  }

  sinkFailed(dataset: string): void {
    this.#sinkFailures.inc({ dataset });
  }

  columnFailed(dataset: string, column: string): void {
    this.#columnFailures.inc({ dataset, column });
  }

  tookOver(): void {
    this.#takeOvers.inc();
  }

  sessionBegan(after: string): void {
    this.#sessions.inc({ after });
  }

  /** @param waited for each entry, the milliseconds that it waited for its batch to be full */
  flushed(entries: readonly Entry[], milliseconds: number, waited: readonly number[]): void {
    const now = Date.now();
    this.#flushRecords.observe(entries.length);
    this.#flushSeconds.observe(milliseconds / 1_000);
    const [first] = entries;
    if (first === undefined) return;
    // All are of one entity, and the records of one page were fetched at the same time: its time is parsed once.
    const { entity } = first.claimed.record;
    const [latency, processing] = [this.#latency.labels(entity), this.#processing.labels(entity)];
    let [text, fetched] = ['', Number.NaN];
    let at = 0;
    for (const { claimed } of entries) {
      const wait = waited[at++] ?? 0;
      const { fetchedAt } = claimed.envelope;
      if (fetchedAt !== text) [text, fetched] = [fetchedAt, Date.parse(fetchedAt)];
      if (Number.isNaN(fetched)) continue;
      latency.observe((now - fetched) / 1_000);
      processing.observe(Math.max(0, now - fetched - wait) / 1_000);
    }
  }
}
