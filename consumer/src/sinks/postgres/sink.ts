import { type Clock, type Dataset, FatalError, type Logger, type Row, type SinkConfig } from '@tributary/shared';
import { WriterLost } from '../../writer-lost.js';
import type { LandedRows, Sink, SinkMaker, SinkWriter } from '../port.js';
import { type Refusal, RowsRefused } from '../refused.js';
import { Database } from './database.js';
import { PostgresErasures } from './erasures.js';
import { PostgresFence } from './fence.js';
import { forgetPostgresHistory, hasOldPostgresStates } from './forget-history.js';
import type { InEpoch } from './in-ranges.js';
import { mendDeleted } from './kept-deleted.js';
import { PostgresMarks } from './marks.js';
import { HistoryMender } from './mend-history.js';
import { culpritOf } from './refusals.js';
import { removePostgresKeys } from './remove-keys.js';
import { checkNothingHidden } from './row-security.js';
import { findRows, scanNewest, scanRows } from './scan.js';
import { PostgresSchema } from './schema.js';
import { writeSplit } from './split.js';
import { readStored } from './stored.js';
import { type DatasetTables, type TableSettings, tablesIn, tablesOf } from './tables.js';
import type { Transaction } from './transaction.js';
import { writeRows } from './write.js';

/** The kind `postgres`. */
export const postgresSink: SinkMaker<SinkConfig['postgres']> = {
  check({ postgresUrl }) {
    if (postgresUrl) return;
    const message = 'the sink is postgres: set POSTGRES_URL, such as postgres://user:password@host:5432/database';
    throw new FatalError('postgres_url_missing', message);
  },
  create: ({ settings, pipeline, datasets, postgresUrl = '', clock, log }) =>
    createPostgresSink({ url: postgresUrl, pipeline, datasets, clock, log, ...settings }),
};

export interface PostgresSinkOptions extends TableSettings {
  readonly url: string;
  /** Several pipelines may share a schema, if their datasets have other names. */
  readonly pipeline: string;
  readonly datasets: readonly Dataset[];
  /** Stamps `_written_at`. */
  readonly clock: Clock;
  /** Milliseconds after which the server ends the transaction of a consumer that hangs in the middle of it. */
  readonly hangTimeout?: number;
  readonly log?: Pick<Logger, 'info' | 'warn'>;
}

/** As long as a lease: no consumer takes over a writer, and waits for its locks, before the writer's lease has run out. */
const HANG_TIMEOUT = 10_000;

/**
 * Milliseconds that a write waits for a lock. After them the write fails and is repeated, so that `/readyz` says soon what it waits for.
 */
const WRITE_LOCK_TIMEOUT = 5_000;

/** A write is idempotent (see writeRows), so rows that a dead writer left in doubt need not be looked for: they are written again. */
const NONE: LandedRows = { has: () => false, markOf: () => undefined };

/**
 * Postgres tables: `<schema>.<dataset>` holds the newest row of each key. A write is one transaction.
 *
 * @throws FatalError if the URL or a name cannot be used
 */
export function createPostgresSink(options: PostgresSinkOptions): Sink {
  const { url, pipeline, datasets, clock, hangTimeout = HANG_TIMEOUT } = options;
  const tables = tablesOf(options, datasets);
  const database = new Database({ url, hangTimeout, onMissing: () => schema.forget() });
  const schema = new PostgresSchema(database, tables, pipeline);
  const marks = new PostgresMarks(database, tables, pipeline);
  const histories = new HistoryMender(database, tables, () => schema.forget(), options.log);
  const fence = new PostgresFence(database, tables, pipeline, marks);
  const erasures = new PostgresErasures({ database, tables, pipeline, marks, schema, clock });

  const inEpochOf =
    (epoch: string): InEpoch =>
    (work) =>
      database.transaction(async (transaction) => {
        await fence.holdEpoch(transaction, epoch);
        return await work(transaction);
      });

  const tablesFor = (dataset: string): DatasetTables => {
    const found = tables.datasets.get(dataset);
    if (found === undefined) throw new Error(`no dataset "${dataset}" in this pipeline`);
    return found;
  };

  return {
    async identity() {
      await schema.ensure();
      return fence.identity();
    },

    async renew() {
      await schema.ensure();
      await fence.renew();
    },

    async inspect(kept) {
      await schema.ensure();
      const found = await marks.inspect(kept);
      // A column may be gone, or of another type.
      if (found.lost !== undefined) {
        schema.forget();
        return found;
      }
      return { lost: undefined, marks: { ...found.marks, ...(await histories.look(kept)) } };
    },

    stored: () => readStored(database, tables, pipeline),

    async epoch() {
      await schema.ensure();
      return fence.epoch();
    },

    async beginEpoch(epoch, isBetween) {
      await schema.ensure();
      await fence.beginEpoch(epoch, isBetween);
    },

    async prepare(epoch) {
      // A column that was dropped since is made again, before what it held is mended.
      if (options.deletes === 'keep') schema.forget();
      const retired = await schema.ensure();
      const inEpoch = inEpochOf(epoch);
      await mendDeleted(inEpoch, tables, retired, options.log);
      await erasures.carryOut(inEpoch);
    },

    async forgetHistory(epoch, before) {
      await schema.ensure();
      return await forgetPostgresHistory(inEpochOf(epoch), tables, before);
    },

    async hasOldStates(before) {
      await schema.ensure();
      return await hasOldPostgresStates((work) => database.transaction(work), tables, before);
    },

    async removeKeys(epoch, dataset, newest) {
      await schema.ensure();
      return await removePostgresKeys(inEpochOf(epoch), tables, tablesFor(dataset.name), marks, newest);
    },

    async open(writer, epoch): Promise<SinkWriter> {
      await schema.ensure();
      await fence.enter(writer, epoch);
      /** By dataset: how far this writer surely got. */
      const reached = new Map<string, number>();
      return {
        async write(dataset, rows) {
          const into = tablesFor(dataset);
          const retired = (await schema.ensure()).get(into.rows.name) ?? [];
          const known = reached.get(dataset) ?? 0;
          const writeAll = (transaction: Transaction, some: readonly Row[]) =>
            writeRows(transaction, into, some, { writtenAt: new Date(clock.now()).toISOString(), retired });
          const inTransaction = async (work: (transaction: Transaction) => Promise<readonly Refusal[]>) => {
            const done = await database.transaction(
              async (transaction) => {
                await fence.hold(transaction, writer);
                const refusals = await work(transaction);
                const refused = new Set(refusals.map(({ row }) => row));
                const written = rows.filter((row) => !refused.has(row));
                return { refusals, mark: await marks.advance(transaction, { writer, epoch, dataset, known, written }) };
              },
              { lockTimeout: WRITE_LOCK_TIMEOUT },
            );
            reached.set(dataset, Math.max(done.mark.at, reached.get(dataset) ?? 0));
            return done;
          };
          try {
            const write = (transaction: Transaction) => writeAll(transaction, rows).then(() => []);
            return (await inTransaction(write)).mark;
          } catch (error) {
            if (error instanceof WriterLost || culpritOf(error, into) === 'sink') throw error;
            // A row that is hidden is refused, too: then it is not the row's fault.
            await database.transaction((transaction) => checkNothingHidden(transaction, tablesIn(into)));
            const { refusals, mark } = await inTransaction((transaction) =>
              writeSplit(rows, { transaction, tables: into, write: (some) => writeAll(transaction, some) }),
            );
            if (refusals.length > 0) throw new RowsRefused(refusals, mark);
            return mark;
          }
        },
        async close() {},
      };
    },

    async takeOver(writer) {
      await schema.ensure();
      await fence.fence(writer);
      return NONE;
    },

    async *scan(dataset) {
      await schema.ensure();
      yield* scanRows(database, tablesFor(dataset.name));
    },

    async *newest(dataset) {
      await schema.ensure();
      yield* scanNewest(database, tablesFor(dataset.name));
    },

    async changeOf(dataset) {
      await schema.ensure();
      return await marks.writesTo(tablesFor(dataset.name));
    },

    erasures,

    async *find(dataset, isMeant) {
      await schema.ensure();
      yield* findRows(database, tables, tablesFor(dataset.name), isMeant);
    },

    async probe() {
      await schema.ensure();
      await fence.probe();
    },

    close: () => database.close(),
  };
}
