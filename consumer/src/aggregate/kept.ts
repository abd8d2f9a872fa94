import { type Clock, contentHash, type Logger, type Row } from '@tributary/shared';
import { newestOf } from '../sinks/newest.js';
import type { LandedRow, Sink, SinkWriter } from '../sinks/port.js';
import { RowsRefused } from '../sinks/refused.js';
import type { Aggregate, Grouping } from './groups.js';

export interface KeptOptions {
  readonly aggregate: Aggregate;
  readonly sink: Pick<Sink, 'scan' | 'newest'>;
  readonly output: Pick<SinkWriter, 'write'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with what has become durable. */
  readonly onWritten: (rows: readonly Row[]) => void;
}

/** Rows of one write: its readers see all of them at once, or none. A larger change is written in several. */
const ROWS_AT_A_TIME = 10_000;

/**
 * The rows of one aggregate, as its only writer knows them: every other writer that could have changed them was fenced before. They are read
 * once, and then remembered. Where that costs little, they are read each time, so that rows that a person has deleted are written again; a
 * sink whose history would have to be read finds such a loss by itself.
 */
export class KeptGroups {
  readonly #options: KeptOptions;
  /** The hash of each group that has a row; undefined until the rows are read. */
  #stored: Map<string, string> | undefined;
  /** Whether the rows were read once, and each proved to hold what was written. */
  #isProved = false;
  /** The time of the newest row, by the clock of whoever wrote it: no later row may be older. */
  #latest = 0;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  get aggregate(): Aggregate {
    return this.#options.aggregate;
  }

  /** Makes the rows what the groups are: writes those that differ, and closes those that are no more. If it fails, the rows are read once more. */
  async become(grouping: Grouping): Promise<void> {
    const isCheap = this.#options.sink.newest !== undefined;
    const stored = (isCheap ? undefined : this.#stored) ?? (await this.#read());
    this.#stored = undefined;
    const at = Math.max(this.#options.clock.now(), this.#latest + 1);
    const rows = [...this.#changes(grouping, stored, at)];
    for (let from = 0; from < rows.length; from += ROWS_AT_A_TIME) {
      const written = await this.#write(rows.slice(from, from + ROWS_AT_A_TIME));
      for (const { key, hash, values } of written) {
        if (values === null) stored.delete(key);
        else stored.set(key, hash);
      }
    }
    if (rows.length > 0) this.#latest = at;
    this.#stored = stored;
  }

  /** Its rows are read once more, the next time. */
  forget(): void {
    this.#stored = undefined;
  }

  async #read(): Promise<Map<string, string>> {
    const { aggregate, sink } = this.#options;
    const { dataset } = aggregate;
    const newest = await newestOf(sink.scan(dataset), dataset, (row, order) => {
      this.#latest = Math.max(this.#latest, Date.parse(row.version) || 0);
      return { order, hash: row.deleted ? undefined : this.#hashOf(row) };
    });
    const stored = new Map<string, string>();
    for (const [key, { hash }] of newest) if (hash !== undefined) stored.set(key, hash);
    this.#isProved = true;
    return stored;
  }

  /**
   * A person may have changed a cell, or a column may be new: then the row is not what was written. It is written once more then, and not
   * again and again if a sink gives back something else.
   */
  #hashOf({ key, hash, values }: LandedRow): string {
    return this.#isProved || contentHash(this.aggregate.dataset.hashedAs, key, { ...values }) === hash ? hash : '';
  }

  *#changes(grouping: Grouping, stored: ReadonlyMap<string, string>, at: number): Generator<Row> {
    const { hashedAs } = this.#options.aggregate.dataset;
    const there = new Set<string>();
    for (const { key, values } of grouping.groups()) {
      there.add(key);
      const hash = contentHash(hashedAs, key, values);
      if (stored.get(key) !== hash) yield this.#row({ key, hash, values }, at);
    }
    for (const key of stored.keys()) {
      if (!there.has(key)) yield this.#row({ key, hash: contentHash(hashedAs, key, null), values: null }, at);
    }
  }

  #row(content: Pick<Row, 'key' | 'hash' | 'values'>, at: number): Row {
    const { dataset } = this.#options.aggregate;
    const version = new Date(at).toISOString();
    // Another one for each time: a history keeps a content that comes back.
    const messageId = `aggregate-${at.toString(36)}`;
    return { dataset: dataset.name, ...content, version, messageId, order: dataset.orderOf(version, messageId) };
  }

  /** @returns those that are durable */
  async #write(rows: readonly Row[]): Promise<readonly Row[]> {
    const { output, aggregate, log, onWritten } = this.#options;
    let written = rows;
    try {
      await output.write(aggregate.dataset.name, rows);
    } catch (error) {
      if (!(error instanceof RowsRefused)) throw error;
      const refused = new Set(error.refusals.map(({ row }) => row));
      written = rows.filter((row) => !refused.has(row));
      for (const { row, error: reason } of error.refusals) {
        log.error(
          { dataset: row.dataset, key: row.key, reason: reason.message },
          'a row of an aggregate is missing or old: the sink refuses it',
        );
      }
    }
    onWritten(written);
    return written;
  }
}
