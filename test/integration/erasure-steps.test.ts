import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { refuseForeignOutput } from '../../consumer/src/erase/written.js';
import { Transaction } from '../../consumer/src/sinks/postgres/transaction.js';
import { eraseRecord } from '../../consumer/test/sinks/erase-record.js';
import { datasetNamed, mergedRow, partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { type PostgresStore, postgresStore } from './postgres-store.js';

class Crash extends Error {}

describe('erasing in Postgres', () => {
  let store: PostgresStore;
  beforeEach(async () => {
    store = await postgresStore(inject('postgresUrl'), { history: true });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.remove();
  });

  test('a key in a schema that no consumer has written to is refused, and nothing is made there', async () => {
    const sink = store.connect();
    for (const look of [refuseForeignOutput(sink, pipeline()), refuseForeignOutput(sink, pipeline())])
      await expect(look).rejects.toMatchObject({ code: 'output_foreign' });
    expect(await store.query(`SELECT 1 FROM pg_tables WHERE schemaname = '${store.schema}'`)).toEqual([]);
    // Without a row, but made by a consumer.
    await sink.beginEpoch('sink.run.1');
    await refuseForeignOutput(sink, pipeline());
    await sink.close();
  });

  const erase = async (key: string) => {
    const sink = store.connect();
    return await eraseRecord(sink, key).finally(() => sink.close());
  };
  /**
   * A process that dies before its COMMIT number `at`: the server rolls back, as it does if the process dies at an earlier statement of the
   * transaction. If the answer to a COMMIT is lost, that is as before the next one. @returns whether there was such a COMMIT
   */
  const dyingAt = async (at: number, action: () => Promise<unknown>): Promise<boolean> => {
    let count = 0;
    const real = Transaction.prototype.query;
    const spy = vi.spyOn(Transaction.prototype, 'query').mockImplementation(function (this: Transaction, ...args) {
      if (count > at || (args[0] === 'COMMIT' && count++ === at)) throw new Crash('died');
      return real.apply(this, args) as Promise<never[]>;
    });
    await action().catch(() => {});
    spy.mockRestore();
    return count > at;
  };
  const everything = async () => {
    const tables = await store.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${store.schema}'`,
    );
    const found: unknown[] = [];
    for (const { name } of tables) found.push(await store.query(`SELECT t::text FROM "${name}" t`));
    return JSON.stringify(found);
  };

  test('a key: the process may die before each COMMIT, and the command that is given again completes it', {
    timeout: 120_000,
  }, async () => {
    let isOver = false;
    for (let at = 0; !isOver; at++) {
      const key = `canary ${at}`;
      const sink = store.connect();
      await sink.beginEpoch(`sink.run.${at}`);
      const writer = await sink.open(`writer-${at}`, `sink.run.${at}`);
      await writer.write('parts', [partRow(key, 1), partRow('other', at + 1)]);
      await writer.write('parts', [partRow(key, 2)]);
      await writer.write('thing_parts', [mergedRow(`T/${key}`, 1), mergedRow('T/other', at + 1)]);
      const kept = (await sink.inspect({})).marks;
      isOver = !(await dyingAt(at, () => erase(key)));
      expect(await sink.inspect(kept)).toMatchObject({ lost: undefined });
      const { removed } = await erase(key);
      // In `parts`, its history, `thing_parts` and its history.
      // Nothing is left to be counted where all was done before it died.
      const all = { parts: 1, parts_history: 2, thing_parts: 1, thing_parts_history: 1 };
      expect([all, {}]).toContainEqual(removed);
      const left = await everything();
      expect(left).not.toContain(key);
      expect(left).toContain('T/other');
      expect(await sink.inspect(kept)).toMatchObject({ lost: undefined });
      await sink.close();
      if (at === 0) expect(isOver).toBe(false);
    }
  });

  test('so it may while keys are removed whole: of each all rows are there, or none, and the next epoch completes it', async () => {
    let isOver = false;
    for (let at = 0; !isOver; at++) {
      const sink = store.connect();
      const remove = async (epoch: string) => {
        await sink.beginEpoch(epoch, true);
        const keys = new Map([['A', partRow('A', 2).order]]);
        return await sink.removeKeys?.(epoch, datasetNamed('parts'), keys);
      };
      await sink.beginEpoch(`sink.run.${at}`);
      const writer = await sink.open(`writer-${at}`, `sink.run.${at}`);
      await writer.write('parts', [partRow('A', 1, 'canary 1'), partRow('B', at + 1)]);
      await writer.write('parts', [partRow('A', 2, 'canary 2')]);
      const kept = (await sink.inspect({})).marks;
      isOver = !(await dyingAt(at, () => remove('sink.run.next')));
      const between = await everything();
      expect(between.includes('canary 1')).toBe(between.includes('canary 2'));
      const removed = await remove('sink.run.last');
      expect([{ parts: 1, parts_history: 2 }, {}]).toContainEqual(removed);
      const left = await everything();
      expect(left).not.toContain('canary');
      expect(left).toContain('B');
      expect(await sink.inspect(kept)).toMatchObject({ lost: undefined });
      await sink.close();
    }
  });

  test('so it may while older states are forgotten: what is newest is always there, and the next epoch completes it', async () => {
    let isOver = false;
    for (let at = 0; !isOver; at++) {
      const sink = store.connect();
      const forget = async (epoch: string) => {
        await sink.beginEpoch(epoch, true);
        await sink.forgetHistory?.(epoch, Date.now() + 1_000);
      };
      await sink.beginEpoch(`sink.run.${at}`);
      const writer = await sink.open(`writer-${at}`, `sink.run.${at}`);
      for (const n of [1, 2, 3]) await writer.write('parts', [partRow('A', 3 * at + n, `canary ${n}`)]);
      const kept = (await sink.inspect({})).marks;
      isOver = !(await dyingAt(at, () => forget('sink.run.next')));
      expect(await everything()).toContain('canary 3');
      await forget('sink.run.last');
      const left = await everything();
      expect(left).toContain('canary 3');
      expect(left).not.toMatch(/canary [12]/);
      expect(await sink.inspect(kept)).toMatchObject({ lost: undefined });
      await sink.close();
    }
  });
});
