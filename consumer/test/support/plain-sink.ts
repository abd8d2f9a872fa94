import { type Dataset, PoisonError, type Row } from '@tributary/shared';
import type { Inspection, LandedRow, Marks, Sink, StoredOutput } from '../../src/sinks/port.js';
import { RowsRefused } from '../../src/sinks/refused.js';
import { WriterLost } from '../../src/writer-lost.js';

interface Landed extends LandedRow {
  readonly writer: string;
  readonly dataset: string;
  readonly order: string;
}

/** A sink that keeps rows in a list and does everything at once; tests look into it, and make it fail. */
export class PlainSink implements Sink {
  readonly rows: Landed[] = [];
  readonly takenOver: string[] = [];
  readonly epochs: string[] = [];
  /** Writes and probes throw it for as long as it is set. */
  failure: Error | undefined;
  /** The keys of rows that it refuses for what they hold. */
  readonly refused = new Set<string>();
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** The number of writes that were begun. */
  writes = 0;
  /** What the next inspections miss. */
  lost: string | undefined;
  #name: string;
  readonly #fenced = new Set<string>();

  constructor(name = 'sink') {
    this.#name = name;
  }

  /** The keys of a dataset's rows, in the order in which they landed; the key of a tombstone begins with a dash. */
  keys(dataset: string): string[] {
    return this.rows.filter((row) => row.dataset === dataset).map(({ key, deleted }) => (deleted ? `-${key}` : key));
  }

  async identity(): Promise<string> {
    return this.#name;
  }

  /** An output under another name is another output, which has lost nothing. */
  async renew(): Promise<void> {
    this.#name += '-renewed';
    this.lost = undefined;
  }

  async inspect(kept: Marks): Promise<Inspection> {
    return { lost: Object.keys(kept).length === 0 ? undefined : this.lost, marks: { written: String(this.writes) } };
  }

  async stored(): Promise<StoredOutput> {
    return { datasets: [], droppedColumn: '', changedType: '' };
  }

  async epoch(): Promise<string | undefined> {
    return this.epochs.at(-1);
  }

  async beginEpoch(epoch: string): Promise<void> {
    this.epochs.push(epoch);
  }

  async open(writer: string, epoch: string) {
    return {
      write: async (dataset: string, rows: readonly Row[]) => {
        this.writes++;
        await this.gate;
        if (this.failure !== undefined) throw this.failure;
        if (this.#fenced.has(writer)) throw new WriterLost('fenced');
        if (this.epochs.at(-1) !== epoch) throw new WriterLost('lost');
        const refused = rows.filter(({ key }) => this.refused.has(key));
        this.land(
          writer,
          dataset,
          rows.filter((row) => !refused.includes(row)),
        );
        const error = new PoisonError('row_refused', 'its row is refused', 'email');
        if (refused.length > 0) throw new RowsRefused(refused.map((row) => ({ row, error })));
        return undefined;
      },
      close: async () => {},
    };
  }

  land(writer: string, dataset: string, rows: readonly Row[]): void {
    for (const { key, hash, order, version, messageId, values } of rows) {
      const deleted = values === null;
      this.rows.push({ writer, dataset, key, hash, order, version, messageId, deleted, values: values ?? {} });
    }
  }

  async takeOver(writer: string) {
    this.takenOver.push(writer);
    this.#fenced.add(writer);
    const theirs = this.rows.filter((row) => row.writer === writer);
    const same = (a: Row) => (b: Landed) =>
      a.dataset === b.dataset && a.key === b.key && a.hash === b.hash && a.order === b.order;
    return { has: (row: Row) => theirs.some(same(row)), markOf: () => undefined };
  }

  async *scan({ name }: Dataset): AsyncIterable<LandedRow> {
    yield* this.rows.filter(({ dataset }) => dataset === name);
  }

  async probe(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
  }

  async close(): Promise<void> {}
}
