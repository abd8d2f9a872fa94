import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { Counter, type Registry } from 'prom-client';
import { describeError } from '../errors.js';
import type { Logger } from '../service/logging.js';

/** Spans that wait for the collector; more are lost. Each takes some kilobytes. */
const MOST_WAITING = 2_048;
/** Spans that are sent together, and milliseconds that the first of them waits for others. */
const TOGETHER = 512;
const WAIT = 2_000;

type Reason = 'queue_full' | 'not_taken';

/**
 * Sends spans in batches. A collector that is away or slow stops nothing: what it does not take, and what does not fit into the queue
 * meanwhile, is lost. Each span that is lost is counted, and the first of them is told.
 */
export class BoundedSpans implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #log: Logger;
  readonly #lost: Counter<'reason'>;
  readonly #batches: BatchSpanProcessor;
  #waiting = 0;
  /** Lost since the collector took spans for the last time. */
  #lostNow = 0;

  constructor(exporter: SpanExporter, { log, registry }: { readonly log: Logger; readonly registry: Registry }) {
    this.#exporter = exporter;
    this.#log = log;
    this.#lost = new Counter({
      name: 'tributary_spans_lost_total',
      help: 'Spans of traces that were not told: the collector did not take them, or the queue to it was full',
      labelNames: ['reason'],
      registers: [registry],
    });
    this.#batches = new BatchSpanProcessor({
      exporter: { export: (spans, done) => this.#export(spans, done), shutdown: () => exporter.shutdown() },
      // The bound is kept here, where what goes beyond it is counted.
      maxQueueSize: MOST_WAITING + TOGETHER,
      maxExportBatchSize: TOGETHER,
      scheduledDelayMillis: WAIT,
    });
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#lose(1, 'queue_full', 'the queue to it is full');
    } else {
      this.#waiting += 1;
      this.#batches.onEnd(span);
    }
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#waiting -= spans.length;
      if (result.code === ExportResultCode.SUCCESS) this.#taken();
      else this.#lose(spans.length, 'not_taken', describeError(result.error));
      // What it failed by is told here, and is no fault of the processor.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  #taken(): void {
    if (this.#lostNow > 0) this.#log.info({ lost: this.#lostNow }, 'the collector takes spans again');
    this.#lostNow = 0;
  }

  #lose(spans: number, cause: Reason, reason: string): void {
    this.#lost.inc({ reason: cause }, spans);
    if (this.#lostNow === 0)
      this.#log.warn({ reason }, 'the collector of traces does not take spans: they are lost, and nothing else waits');
    this.#lostNow += spans;
  }
}
