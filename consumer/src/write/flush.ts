import { type Clock, describeError, type Logger } from '@tributary/shared';
import { type ClaimedRow, rowsByDataset } from '../claim/claims.js';
import type { Lease } from '../claim/lease.js';
import type { EachRecord, Ledger } from '../ledger/port.js';
import type { Entry } from '../merge/merge.js';
import type { ConsumerMetrics } from '../metrics/metrics.js';
import type { SinkWriter } from '../sinks/port.js';
import { WriterLost } from '../writer-lost.js';

export interface FlushOptions {
  readonly ledger: Pick<Ledger, 'commit' | 'closeLines'>;
  readonly lease: Pick<Lease, 'held'>;
  readonly writer: SinkWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ConsumerMetrics;
  /** Called with what keeps the sink from taking rows, and with undefined when it takes them again. */
  readonly onSinkProblem: (problem: string | undefined) => void;
  /** Aborted when the writer has ended: then a flush waits for nothing any more. */
  readonly signal: AbortSignal;
}

/** The second half of the path: write, commit, acknowledge. Nothing is settled before it is durable. */
export class Flush {
  readonly #options: FlushOptions;

  constructor(options: FlushOptions) {
    this.#options = options;
  }

  /**
   * Makes a group of batches durable, and settles their messages.
   * @param waited for each entry, the milliseconds that it waited for its batch to be full
   */
  async flush(entries: readonly Entry[], waited: readonly number[] = []): Promise<void> {
    const { metrics, clock } = this.#options;
    const started = clock.monotonic();
    // The merged rows first: once a record's own row is there, a rebuild takes the whole record as done.
    for (const rows of rowsByDataset(entries.map(({ merged }) => merged))) await this.land(rows);
    await this.land(entries.map(({ claimed }) => claimed.claim));
    await this.#closeLines(entries);
    for (const { claimed } of entries) claimed.delivery.ack();
    metrics.flushed(entries, clock.monotonic() - started, waited);
  }

  /** Writes rows of one dataset, except those that had landed already, and commits them all. */
  async land(rows: readonly ClaimedRow[]): Promise<void> {
    const dataset = rows[0]?.row.dataset;
    if (dataset === undefined) return;
    const { ledger, metrics } = this.#options;
    const toWrite = rows.filter(({ landed }) => !landed).map(({ row }) => row);
    if (toWrite.length > 0) await this.#writeWhenPossible(dataset, toWrite);
    const toCommit = rows.map(({ row }) => row);
    await ledger.commit(dataset, toCommit);
    metrics.written(dataset, toWrite.length);
  }

  /** Forgets the lines that records dropped, merge by merge. */
  async #closeLines(entries: readonly Entry[]): Promise<void> {
    const dropped = new Map<string, EachRecord[]>();
    for (const { merge, record } of entries.flatMap((entry) => entry.dropped)) {
      const records = dropped.get(merge);
      if (records === undefined) dropped.set(merge, [record]);
      else records.push(record);
    }
    for (const [merge, records] of dropped) await this.#options.ledger.closeLines(merge, records);
  }

  /** Waits for a sink that is away or full, for as long as it takes. The records wait in their queue meanwhile. */
  async #writeWhenPossible(dataset: string, rows: readonly ClaimedRow['row'][]): Promise<void> {
    const { lease, writer, clock, log, metrics, onSinkProblem, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await lease.held();
        await writer.write(dataset, rows);
        if (attempt > 1) {
          log.info({ dataset, attempt }, 'the sink takes rows again');
          onSinkProblem(undefined);
        }
        return;
      } catch (error) {
        if (error instanceof WriterLost || signal.aborted) throw error;
        const reason = describeError(error);
        metrics.sinkFailed(dataset);
        onSinkProblem(`${dataset} cannot be written: ${reason}`);
        if (attempt === 1)
          log.error({ dataset, reason }, 'the sink does not take rows: nothing is acknowledged until it does');
        await clock.sleep(Math.min(250 * 2 ** attempt, 10_000), signal);
      }
    }
  }
}
