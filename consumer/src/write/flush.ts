import { type Clock, describeError, isClosing, type Logger, PoisonError, type Row } from '@tributary/shared';
import { type ClaimedRow, rowsByDataset } from '../claim/claims.js';
import type { Lease } from '../claim/lease.js';
import type { EachRecord, Ledger } from '../ledger/port.js';
import type { Entry } from '../merge/merge.js';
import type { ConsumerMetrics } from '../metrics/metrics.js';
import type { ConsumerObserver } from '../metrics/observer.js';
import type { BatchTraces } from '../metrics/traces.js';
import type { Mark, SinkWriter } from '../sinks/port.js';
import { type Refusal, RowsRefused } from '../sinks/refused.js';
import { WriterLost } from '../writer-lost.js';

export interface FlushOptions {
  readonly ledger: Pick<Ledger, 'commit' | 'release' | 'doubt' | 'closeLines'>;
  readonly lease: Pick<Lease, 'held'>;
  readonly writer: SinkWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ConsumerMetrics;
  readonly observer?: ConsumerObserver | undefined;
  /** Tells of each write and commit; nothing is traced unless given. */
  readonly traces?: BatchTraces | undefined;
  /** Called with what keeps the sink from taking rows of a dataset, and with undefined when it takes them again. */
  readonly onSinkProblem: (problem: string | undefined, dataset: string) => void;
  /** Aborted when the writer has ended: then a flush waits for nothing any more. */
  readonly signal: AbortSignal;
}

/** Milliseconds after which a write that has no answer is told. It may still succeed. */
const SLOW_WRITE = 8_000;

/** The longest wait between two attempts, in milliseconds: readiness must be true again within 10 s. */
const LONGEST_WAIT = 5_000;

/**
 * The second half of the path: write, commit, acknowledge. Nothing is settled before it is durable.
 *
 * If the sink refuses a row for what it holds, the record that asked for the row goes to the dead letters, whether it is the record's own row
 * or one of its merged rows. The claims on what was not written are given up before, so that the dead letter lands when it is replayed.
 * A record one of whose merged rows is refused gets no row of its own: that row means that everything is there.
 */
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
    const refused = new Map<Row, PoisonError>();
    const land = async (rows: readonly ClaimedRow[]) => {
      for (const { row, error } of await this.land(rows)) refused.set(row, error);
    };
    // The merged rows first: once a record's own row is there, a rebuild takes the whole record as done.
    for (const rows of rowsByDataset(entries.map(({ merged }) => merged))) await land(rows);
    const isRefused = (entry: Entry) => refusalOf(entry, refused) !== undefined;
    const withoutRefused = () => (refused.size === 0 ? entries : entries.filter((entry) => !isRefused(entry)));
    await land(withoutRefused().map(({ claimed }) => claimed.claim));

    const landed = withoutRefused();
    await this.#closeLines(landed);
    for (const { claimed } of landed) claimed.delivery.ack();
    if (refused.size === 0) return metrics.flushed(landed, clock.monotonic() - started, waited);
    const dead = new Set(entries.filter(isRefused));
    const waits = waited.filter((_, index) => !dead.has(entries[index] as Entry));
    metrics.flushed(landed, clock.monotonic() - started, waits);
    await this.#refuse([...dead], refused);
  }

  /**
   * Writes rows of one dataset, except those that had landed already, and commits them all. A row that several records have to
   * make durable is written once.
   * @returns what the sink refused; those rows are still claimed
   */
  async land(given: readonly ClaimedRow[]): Promise<readonly Refusal[]> {
    const dataset = given[0]?.row.dataset;
    if (dataset === undefined) return [];
    const { ledger, metrics, observer, traces } = this.#options;
    const rows = [...new Set(given)];
    const toWrite = rows.filter(({ landed, writing }) => !landed && writing === undefined);
    if (toWrite.length > 0) {
      const written = this.#writeClaimed(dataset, toWrite);
      for (const one of toWrite) one.writing = written;
    }
    const refusals = await refusalsOf(rows);
    const refused = new Set(refusals.map(({ row }) => row));
    const taken = (some: readonly ClaimedRow[]) =>
      refused.size === 0 ? some : some.filter(({ row }) => !refused.has(row));
    const toCommit = taken(rows).map(({ row }) => row);
    const commit = () => ledger.commit(dataset, toCommit, marksOf(rows));
    if (toCommit.length > 0) await (traces === undefined ? commit() : traces.commit(dataset, toCommit.length, commit));
    const written = taken(toWrite);
    metrics.written(dataset, written.length, written.filter(({ row }) => isClosing(row)).length);
    if (observer?.written !== undefined && written.length > 0) {
      observer.written(
        dataset,
        written.map(({ row }) => row),
      );
    }
    return refusals;
  }

  async #writeClaimed(dataset: string, claimed: readonly ClaimedRow[]): Promise<readonly Refusal[]> {
    const { traces } = this.#options;
    const rows = claimed.map(({ row }) => row);
    const write = () => this.#writeWhenPossible(dataset, rows);
    const { refusals, mark } = await (traces === undefined ? write() : traces.write(dataset, rows.length, write));
    const refused = new Set(refusals.map(({ row }) => row));
    for (const one of claimed) {
      one.writing = undefined;
      if (refused.has(one.row)) one.refused = true;
      else {
        one.landed = true;
        one.mark = mark;
      }
    }
    return refusals;
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

  /** Gives up what was claimed and not written for these records, then gives them out again to be buried. */
  async #refuse(entries: readonly Entry[], refused: ReadonlyMap<Row, PoisonError>): Promise<void> {
    // With a version, a record that is again as it was before has another version, and so another content.
    const merged = entries.filter(
      ({ claimed: { claim }, isJoined }) => isJoined === true && !claim.landed && claim.row.version === '',
    );
    for (const rows of rowsByDataset(merged.map(({ claimed }) => [claimed.claim]))) {
      await this.#options.ledger.doubt(
        rows[0]?.row.dataset ?? '',
        rows.map(({ row }) => row),
      );
    }
    // A row of its own that had landed stays claimed: a replay finds it there, and does not write it again.
    const claims = entries.map(({ claimed: { claim }, merged }) => [
      ...merged.filter(({ row }) => refused.has(row)),
      ...(claim.landed ? [] : [claim]),
    ]);
    for (const rows of rowsByDataset(claims)) {
      const dataset = rows[0]?.row.dataset ?? '';
      await this.#options.ledger.release(
        dataset,
        rows.map(({ row }) => row),
      );
    }
    for (const entry of entries) {
      const error = refusalOf(entry, refused);
      if (error !== undefined) entry.claimed.delivery.refuse(error);
    }
  }

  /** Waits for a sink that is away or full, for as long as it takes. The records wait in their queue meanwhile. */
  async #writeWhenPossible(dataset: string, rows: readonly Row[]): Promise<Written> {
    const { lease, clock, log, metrics, onSinkProblem, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await lease.held();
        const written = await this.#write(dataset, rows);
        if (attempt > 1) {
          log.info({ dataset, attempt }, 'the sink takes rows again');
          onSinkProblem(undefined, dataset);
        }
        return written;
      } catch (error) {
        if (error instanceof WriterLost || signal.aborted) {
          // The next session finds out by itself what the sink takes.
          if (attempt > 1) onSinkProblem(undefined, dataset);
          throw error;
        }
        const reason = describeError(error);
        metrics.sinkFailed(dataset);
        onSinkProblem(`${dataset} cannot be written: ${reason}`, dataset);
        if (attempt === 1)
          log.error({ dataset, reason }, 'the sink does not take rows: nothing is acknowledged until it does');
        await clock.sleep(Math.min(250 * 2 ** attempt, LONGEST_WAIT), signal);
      }
    }
  }

  /** Writes once, and tells if that takes long: a sink may give no answer at all. @returns what the sink refused */
  async #write(dataset: string, rows: readonly Row[]): Promise<Written> {
    const { writer, clock, onSinkProblem, signal } = this.#options;
    const answered = new AbortController();
    let isTold = false;
    void clock.sleep(SLOW_WRITE, AbortSignal.any([answered.signal, signal])).then(() => {
      if (answered.signal.aborted || signal.aborted) return;
      isTold = true;
      onSinkProblem(
        `${dataset} cannot be written: the sink has not answered for ${SLOW_WRITE / 1_000} s; waiting`,
        dataset,
      );
    });
    try {
      return { mark: await writer.write(dataset, rows), refusals: [] };
    } catch (error) {
      if (!(error instanceof RowsRefused)) throw error;
      return error;
    } finally {
      answered.abort();
      if (isTold) onSinkProblem(undefined, dataset);
    }
  }
}

/** What came of a write: what the sink refused, and how far the output got with the other rows. */
type Written = Pick<RowsRefused, 'refusals' | 'mark'>;

/** What the sink refuses of these rows, once all of them are written: here, or by another flush that began before. */
async function refusalsOf(rows: readonly ClaimedRow[]): Promise<readonly Refusal[]> {
  const writings = new Set<Promise<readonly Refusal[]>>();
  for (const { writing } of rows) if (writing !== undefined) writings.add(writing);
  const refusals = (await Promise.all(writings)).flat();
  if (refusals.length === 0) return refusals;
  const own = new Set(rows.map(({ row }) => row));
  return refusals.filter(({ row }) => own.has(row));
}

/** How far the output got with these rows: all of one write have one mark. */
function marksOf(rows: readonly ClaimedRow[]): Mark[] {
  const marks = new Set<Mark>();
  let last: Mark | undefined;
  for (const { mark } of rows) {
    if (mark !== undefined && mark !== last) marks.add(mark);
    last = mark;
  }
  return [...marks];
}

/** Why the record of this entry goes to the dead letters; undefined if it does not. */
function refusalOf({ claimed, merged }: Entry, refused: ReadonlyMap<Row, PoisonError>): PoisonError | undefined {
  if (refused.size === 0) return undefined;
  const { row } = merged.find((one) => refused.has(one.row)) ?? claimed.claim;
  const error = refused.get(row);
  if (error === undefined) return undefined;
  const { envelope, record } = claimed;
  const whose = row === claimed.claim.row ? '' : ` merged row ${row.key}:`;
  const message = `endpoint ${envelope.endpoint}: ${record.entity} ${record.key}:${whose} ${error.message}`;
  return new PoisonError(error.code, message, error.field, { cause: error.cause, fault: error.fault });
}
