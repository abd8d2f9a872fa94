import { randomUUID } from 'node:crypto';
import { WriterLost } from 'tributary';

/**
 * A place in memory where rows land, as a program's own sink: it shows what the port asks for, and passes the suite for sinks. What is in memory ends
 * with the process, so one that is used does the same with files, tables or another program.
 */
export class MemoryStore {
  /** @type {Array<{ writer: string, row: import('tributary').Row }>} */
  landed = [];
  /** Datasets that cannot be written now. */
  away = new Set();
  #state = { name: randomUUID(), fenced: new Set(), epoch: /** @type {string | undefined} */ (undefined) };

  /**
   * A sink onto it, as each process has one.
   * @param {import('tributary').SinkContext} context
   * @returns {import('tributary').Sink}
   */
  connect({ datasets }) {
    const state = this.#state;
    const { landed, away } = this;
    const names = new Set(datasets.map(({ name }) => name));
    return {
      identity: async () => state.name,
      async renew() {
        state.name = randomUUID();
      },
      // Nothing can get lost here but all of it.
      inspect: async () => ({ lost: undefined, marks: {} }),
      stored: async () => ({ datasets: [], droppedColumn: '', changedType: '' }),
      epoch: async () => state.epoch,
      async beginEpoch(epoch) {
        state.epoch = epoch;
      },
      async open(writer, epoch) {
        return {
          async write(dataset, rows) {
            if (!names.has(dataset)) throw new Error(`no dataset "${dataset}"`);
            if (away.has(dataset)) throw new Error(`${dataset} cannot be written now`);
            // In one step with the rows: a writer that was fenced, or whose epoch is over, changes nothing any more.
            if (state.fenced.has(writer)) throw new WriterLost('fenced');
            if (state.epoch !== epoch) throw new WriterLost('lost');
            for (const row of rows) landed.push({ writer, row });
            return undefined;
          },
          async close() {},
        };
      },
      async takeOver(writer) {
        state.fenced.add(writer);
        const theirs = new Set(landed.filter((one) => one.writer === writer).map(({ row }) => idOf(row)));
        return { has: (row) => theirs.has(idOf(row)), markOf: () => undefined };
      },
      async *scan({ name }) {
        for (const { row } of landed.filter((one) => one.row.dataset === name)) {
          const { key, hash, version, messageId, values } = row;
          yield { key, hash, version, messageId, deleted: values === null, values: values ?? {} };
        }
      },
      async probe() {},
      async close() {},
    };
  }
}

/** @param {import('tributary').Row} row */
const idOf = ({ dataset, key, hash, order }) => JSON.stringify([dataset, key, hash, order]);
