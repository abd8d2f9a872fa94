import { setImmediate as turn } from 'node:timers/promises';
import {
  contentHash,
  type PipelineConfig,
  PoisonError,
  parseJson,
  type Row,
  stringifyJson,
  tombstoneHash,
} from '@tributary/shared';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askFor, ErasedKeys } from '../../src/erase/erasure.js';
import type { Sink, SinkWriter } from '../../src/sinks/port.js';
import { RowsRefused } from '../../src/sinks/refused.js';
import { WriterLost } from '../../src/writer-lost.js';
import { eraseRecord } from './erase-record.js';
import { datasetNamed, mergedRow, messageId, odd, partRow, thingRow } from './records.js';

/** A place where rows are stored, new and empty. */
export interface Store {
  /** A sink onto it, as another process would have it. */
  connect(config?: PipelineConfig): Sink;
  /** Makes every write to the dataset that begins from now on fail, until the returned function is called. */
  obstruct(dataset: string): Promise<() => Promise<void>>;
  /** Makes the sink refuse every row of this key, for what it holds, until the returned function is called; only where a sink refuses rows. */
  refuse?(dataset: string, key: string): Promise<() => Promise<void>>;
  /** Removes all that is stored. */
  remove(): Promise<void>;
}

const EPOCH = 'sink.run.1';

/**
 * What every kind of sink does: the contract of sinks/port.ts.
 * @param options.refusesRows whether it may refuse rows for what they hold
 * @param options.erases whether keys can be erased from it, and older states: it has `erasures`, `find`, `forgetHistory` and `removeKeys`
 */
export function describeSink(
  name: string,
  makeStore: () => Promise<Store>,
  { refusesRows = false, erases = true } = {},
): void {
  describe(`the ${name} sink`, { timeout: 240_000 }, () => {
    let store: Store;
    let sinks: Sink[];
    /** Another process's view of the same store. */
    const connect = (config?: PipelineConfig) => {
      const sink = store.connect(config);
      sinks.push(sink);
      return sink;
    };
    let sink: Sink;
    let writer: SinkWriter;
    let writers: SinkWriter[];
    /** Begins a writer, which is closed after the test. */
    const open = async (name: string, epoch = EPOCH, on = connect()) => {
      const opened = await on.open(name, epoch);
      writers.push(opened);
      return opened;
    };

    beforeEach(async () => {
      store = await makeStore();
      sinks = [];
      writers = [];
      sink = connect();
      await sink.beginEpoch(EPOCH);
      writer = await open('writer-1', EPOCH, sink);
    });
    afterEach(async () => {
      // A writer that was fenced cannot end its output properly, and need not.
      for (const one of writers) await one.close().catch(() => {});
      for (const one of sinks) await one.close();
      await store.remove();
    });

    /** Reads as another process would, so that nothing is seen that only this sink remembers. */
    const landed = async (dataset: string) => {
      const rows: {
        key: string;
        hash: string;
        version: string;
        messageId: string;
        deleted: boolean;
        values: object;
      }[] = [];
      for await (const { key, hash, version, messageId, deleted, values } of connect().scan(datasetNamed(dataset))) {
        rows.push({ key, hash, version, messageId, deleted, values });
      }
      return rows;
    };

    /** The newest row of each key. No row may be there twice, newest or not. */
    const state = async (dataset: string) => {
      const { orderOf } = datasetNamed(dataset);
      const all = await landed(dataset);
      const ids = all.map(({ key, hash, messageId }) => `${key} ${hash} ${messageId}`);
      expect(new Set(ids).size, 'rows that are there twice').toBe(ids.length);
      const newest = new Map<string, (typeof all)[number] & { order: string }>();
      for (const row of all) {
        const order = orderOf(row.version, row.messageId);
        if ((newest.get(row.key)?.order ?? '') < order) newest.set(row.key, { ...row, order });
      }
      return newest;
    };

    const expectState = async (dataset: string, rows: readonly Row[]) => {
      const found = await state(dataset);
      const plain = (key: string, hash: string, order: string, deleted: boolean) => ({ key, hash, order, deleted });
      const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
      expect([...found.values()].map((row) => plain(row.key, row.hash, row.order, row.deleted)).sort(byKey)).toEqual(
        rows.map((row) => plain(row.key, row.hash, row.order, row.values === null)).sort(byKey),
      );
    };

    const expectLost = (action: Promise<unknown>) => expect(action).rejects.toBeInstanceOf(WriterLost);

    describe.runIf(erases)('when a key is erased', () => {
      const erase = (entity: string, key: string) => eraseRecord(connect(), key, entity);
      const keysOf = async (dataset: string) => (await landed(dataset)).map(({ key }) => key).sort();
      /** Every row of a dataset, older ones too, as far as they are kept. */
      const everything = async (dataset: string) => {
        const found: string[] = [];
        for await (const { row } of connect().find?.(datasetNamed(dataset), () => true) ?? []) found.push(row.key);
        return found.sort();
      };

      test('rows of the merge as it was before go too: they name their records at other places', async () => {
        // Of three records: each with its message id.
        const older = (key: string, n: number) => {
          const row = mergedRow(key, n);
          return { ...row, messageId: `${row.messageId} ${messageId(n)}`, order: `${row.order}\t1 ${messageId(n)}` };
        };
        const plain = (key: string, n: number) => ({ ...mergedRow(key, n), messageId: messageId(n) });
        const stay = [
          older('T/W/B', 1),
          mergedRow('T/B/A', 2),
          mergedRow('T/B/2', 3),
          older('T/%2F/AB', 4),
          plain('T', 5),
        ];
        const go = [
          older('T/W/A', 6),
          older('A/W/B', 7),
          older('T/A/W/2', 8),
          mergedRow('T/A', 9),
          mergedRow('T/A/2', 10),
        ];
        await writer.write('thing_parts', [...stay, ...go, plain('A', 11)]);
        await erase('part', 'A');
        const keys = await keysOf('thing_parts');
        expect(keys).toEqual(stay.map(({ key }) => key).sort());
        // A number of a line is no key.
        await erase('part', '2');
        expect(await keysOf('thing_parts')).toEqual(keys);
      });

      test('removes all of its rows, those of merges on either side too, and no others', async () => {
        const others = ['A', 'A/B', 'AB', 'A%', 'a', '%41', 'A/C/2'];
        await writer.write('parts', [partRow('A/C', 1), ...others.map((key) => partRow(key, 1))]);
        await writer.write('parts', [partRow('A/C', 2), partRow('AB', 2)]);
        const merged = ['T1/A%2FC', 'T1/A%2FC/2', 'T1/A', 'A%2FC/A', 'A%2FC/A%2FC', 'T1/A/2', 'T%2F1/A%2FC'];
        await writer.write(
          'thing_parts',
          merged.map((key) => mergedRow(key, 1, { quantity: 1 })),
        );
        const { removed, doneAt, todo } = await erase('part', 'A/C');
        expect(await everything('parts').then((keys) => new Set(keys))).toEqual(new Set(others));
        expect(await keysOf('thing_parts')).toEqual(['A%2FC/A', 'T1/A', 'T1/A/2']);
        expect(await everything('thing_parts')).not.toContain('T1/A%2FC');
        expect(doneAt).toMatch(/^20/);
        expect(todo).toBeUndefined();
        expect(Object.values(removed).reduce((sum, n) => sum + n)).toBeGreaterThanOrEqual(5);
        await erase('thing', 'A/C');
        expect(await keysOf('thing_parts')).toEqual(['T1/A', 'T1/A/2']);
        expect(new Set(await everything('parts'))).toEqual(new Set(others));
      });

      test('removes tombstones, and the key that is not there is refused all the same', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1)]);
        await writer.write('thing_parts', [mergedRow('T/A', 2, null), mergedRow('T/B', 2, null)]);
        await erase('part', 'A');
        await erase('part', 'never was');
        expect(await keysOf('thing_parts').then((keys) => new Set(keys))).toEqual(new Set(['T/B']));
        expect(new Set(await everything('thing_parts'))).toEqual(new Set(['T/B']));
        const erased = new ErasedKeys((await connect().erasures?.list()) ?? []);
        expect([erased.has('part', 'A'), erased.has('part', 'never was'), erased.has('part', 'B')]).toEqual([
          true,
          true,
          false,
        ]);
        expect(erased.has('thing', 'A')).toBe(false);
      });

      test('keeps nothing from which the key can be read', async () => {
        await writer.write('parts', [partRow('the very key', 1), partRow('B', 1)]);
        await erase('part', 'the very key');
        expect(JSON.stringify(await connect().erasures?.list())).not.toContain('the very key');
      });

      test('fences the writers of before, and is no loss of rows: the output keeps its name and its marks', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        await writer.close();
        const before = await connect().identity();
        const kept = { ...(await connect().inspect({})).marks };
        const mark = await open('writer-2').then((one) => one.write('parts', [partRow('A', 2), partRow('C', 1)]));
        if (mark !== undefined) kept[mark.name] = String(mark.at);
        const late = await open('writer-3');
        await late.write('parts', [partRow('D', 1)]);
        await erase('part', 'A');
        await expectLost(late.write('parts', [partRow('A', 3)]));
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await connect().identity()).toBe(before);
        await erase('part', 'B');
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await connect().identity()).toBe(before);
        expect(await keysOf('parts')).toEqual(['C', 'D']);
      });

      test('what was asked for and not done is done when the next epoch begins', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        const todo = { key: 'A', where: { parts: ['key'], thing_parts: [1] } } as const;
        await connect().erasures?.note(askFor([], 'part', todo, 0));
        const next = connect();
        await next.beginEpoch('sink.run.2');
        await next.prepare?.('sink.run.2');
        expect(await keysOf('parts')).toEqual(['B']);
        expect((await connect().erasures?.list())?.map((one) => one.todo)).toEqual([undefined]);
      });

      test('takes of a star the rows that name it at its place, and no others', async () => {
        const keys = ['A/X/Y', 'X/A/Y', 'X/Y/A', 'X/Y/A/2', 'X/A', 'X/Y/B%2FA', 'X/A/A'];
        await writer.write(
          'thing_parts',
          keys.map((key) => mergedRow(key, 1)),
        );
        const todo = { key: 'A', where: { thing_parts: [2] } } as const;
        await connect().erasures?.note(askFor([], 'part', todo, 0));
        await connect().beginEpoch('sink.run.2');
        await connect().prepare?.('sink.run.2');
        expect((await keysOf('thing_parts')).sort()).toEqual(['A/X/Y', 'X/A', 'X/A/Y', 'X/Y/B%2FA']);
      });

      test('is left to whoever has begun a newer epoch', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        const slow = connect();
        const todo = { key: 'A', where: { parts: ['key'] } } as const;
        await slow.erasures?.note(askFor([], 'part', todo, 0));
        await slow.beginEpoch('sink.run.2');
        await connect().beginEpoch('sink.run.3');
        await expectLost(slow.prepare?.('sink.run.2') ?? Promise.resolve());
        expect(await keysOf('parts')).toEqual(['A', 'B']);
        await connect().prepare?.('sink.run.3');
        expect(await keysOf('parts')).toEqual(['B']);
      });

      test('a writer of a later epoch goes on, and its marks grow', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        await erase('part', 'A');
        const on = connect();
        await on.beginEpoch('sink.run.9');
        const kept = (await on.inspect({})).marks;
        const next = await open('writer-9', 'sink.run.9', on);
        await next.write('parts', [partRow('C', 1)]);
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await keysOf('parts')).toEqual(['B', 'C']);
      });
    });

    describe.runIf(erases)('when older states are forgotten', () => {
      const forget = async (epoch: string, before: number, on = connect()) => {
        const hasAny = await on.hasOldStates?.(before);
        await on.beginEpoch(epoch, true);
        await on.prepare?.(epoch);
        const removed = (await on.forgetHistory?.(epoch, before)) ?? {};
        if (hasAny !== undefined) expect(hasAny).toBe(Object.keys(removed).length > 0);
        return removed;
      };
      const ordersOf = async (dataset: string) => {
        const { orderOf } = datasetNamed(dataset);
        const found = new Set<string>();
        for await (const { row } of connect().find?.(datasetNamed(dataset), () => true) ?? [])
          found.add(`${row.key} ${orderOf(row.version, row.messageId)}`);
        return found;
      };
      const named = (...rows: readonly Row[]) => new Set(rows.map(({ key, order }) => `${key} ${order}`));
      const later = () => new Promise((resolve) => setTimeout(resolve, 20));

      test('only what was replaced before that time goes: a state that was valid then stays, and so does the newest of each key', async () => {
        const [a1, a2, a3, b1] = [partRow('A', 1), partRow('A', 2), partRow('A', 3), partRow('B', 1)];
        await writer.write('parts', [a1, b1]);
        await writer.write('parts', [a2]);
        await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1)]);
        await writer.write('thing_parts', [mergedRow('T/A', 2), mergedRow('T/B', 2, null)]);
        await later();
        const before = Date.now();
        await later();
        await writer.write('parts', [a3]);
        const kept = await ordersOf('parts');
        const removed = await forget('sink.run.2', before);
        expect(await ordersOf('parts')).toEqual(new Set([...kept].filter((one) => !named(a1).has(one))));
        expect([...(await ordersOf('parts'))]).toEqual(expect.arrayContaining([...named(a3, b1)]));
        await expectState('parts', [a3, b1]);
        await expectState('thing_parts', [mergedRow('T/A', 2), mergedRow('T/B', 2, null)]);
        expect(await ordersOf('thing_parts')).toEqual(named(mergedRow('T/A', 2), mergedRow('T/B', 2)));
        if (kept.size > 2) expect(Object.values(removed).reduce((sum, n) => sum + n, 0)).toBe(3);
        expect(await forget('sink.run.3', before)).toEqual({});
      });

      test('it is no loss of rows: the output keeps its name and its marks, and a later writer goes on', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        const mark = await writer.write('parts', [partRow('A', 2)]);
        const before = await connect().identity();
        const kept = { ...(await connect().inspect({})).marks };
        if (mark !== undefined) kept[mark.name] = String(mark.at);
        await later();
        await forget('sink.run.2', Date.now());
        await expectLost(writer.write('parts', [partRow('C', 1)]));
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await connect().identity()).toBe(before);
        const next = await open('writer-2', 'sink.run.2');
        await next.write('parts', [partRow('A', 3), partRow('C', 1)]);
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        await expectState('parts', [partRow('A', 3), partRow('B', 1), partRow('C', 1)]);
      });

      test('an older state that comes late is forgotten too, and what is written at that time is not', async () => {
        await writer.write('parts', [partRow('A', 3)]);
        await later();
        const before = Date.now();
        await later();
        await writer.write('parts', [partRow('A', 1), partRow('A', 5)]);
        await forget('sink.run.2', before);
        expect([...(await ordersOf('parts'))]).not.toEqual(expect.arrayContaining([...named(partRow('A', 1))]));
        await expectState('parts', [partRow('A', 5)]);
      });

      test('is left to whoever has begun a newer epoch', async () => {
        await writer.write('parts', [partRow('A', 1)]);
        await writer.write('parts', [partRow('A', 2)]);
        await later();
        const before = await ordersOf('parts');
        const slow = connect();
        await slow.beginEpoch('sink.run.2');
        await connect().beginEpoch('sink.run.3');
        if (before.size > 1) await expectLost(slow.forgetHistory?.('sink.run.2', Date.now()) ?? Promise.resolve());
        expect(await ordersOf('parts')).toEqual(before);
      });
    });

    describe.runIf(erases)('when keys are removed', () => {
      const remove = async (epoch: string, dataset: string, ...rows: readonly Row[]) => {
        const on = connect();
        await on.beginEpoch(epoch, true);
        await on.prepare?.(epoch);
        const newest = new Map(rows.map(({ key, order }) => [key, order]));
        return (await on.removeKeys?.(epoch, datasetNamed(dataset), newest)) ?? {};
      };

      test('all their rows go, closed ones too, and of others none; nothing is taken for lost', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        const mark = await writer.write('parts', [partRow('A', 2)]);
        await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1)]);
        await writer.write('thing_parts', [mergedRow('T/A', 2, null)]);
        const before = await connect().identity();
        const kept = { ...(await connect().inspect({})).marks };
        if (mark !== undefined) kept[mark.name] = String(mark.at);
        const removed = await remove('sink.run.2', 'parts', partRow('A', 2), partRow('never', 1));
        expect(Object.values(removed).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0);
        await remove('sink.run.3', 'thing_parts', mergedRow('T/A', 2, null));
        await expectState('parts', [partRow('B', 1)]);
        await expectState('thing_parts', [mergedRow('T/B', 1)]);
        const left = new Set<string>();
        for (const dataset of ['parts', 'thing_parts'])
          for await (const { row } of connect().find?.(datasetNamed(dataset), () => true) ?? []) left.add(row.key);
        expect(left).toEqual(new Set(['B', 'T/B']));
        expect(await remove('sink.run.4', 'parts', partRow('A', 2))).toEqual({});
        expect(await connect().inspect(kept)).toMatchObject({ lost: undefined });
        expect(await connect().identity()).toBe(before);
      });

      test('what is newer than the newest that was known stays', async () => {
        await writer.write('parts', [partRow('A', 1), partRow('A', 3)]);
        await remove('sink.run.2', 'parts', partRow('A', 2));
        await expectState('parts', [partRow('A', 3)]);
      });

      test('a key that was removed may be written again', async () => {
        await writer.write('parts', [partRow('A', 2)]);
        await remove('sink.run.2', 'parts', partRow('A', 2));
        const next = await open('writer-2', 'sink.run.2');
        await next.write('parts', [partRow('A', 1)]);
        await expectState('parts', [partRow('A', 1)]);
      });

      test('they are left to whoever has begun a newer epoch', async () => {
        await writer.write('parts', [partRow('A', 1)]);
        const slow = connect();
        await slow.beginEpoch('sink.run.2');
        await connect().beginEpoch('sink.run.3');
        const removing = slow.removeKeys?.(
          'sink.run.2',
          datasetNamed('parts'),
          new Map([['A', partRow('A', 1).order]]),
        );
        if (removing !== undefined) await expectLost(removing);
        await expectState('parts', [partRow('A', 1)]);
      });
    });

    describe('when it writes', () => {
      test('has the rows once the write resolves, for every other process', async () => {
        const rows = [partRow('A', 1), partRow('B', 2), partRow('C', 3)];
        await writer.write('parts', rows);
        await expectState('parts', rows);
        await expectState('things', []);
      });

      test('takes several contents of one key in one write, and the last is the newest: A, B and A again', async () => {
        const last = partRow('A', 3, 'content 1');
        await writer.write('parts', [partRow('A', 1, 'content 1'), partRow('A', 2), last, partRow('B', 2)]);
        await expectState('parts', [last, partRow('B', 2)]);
      });

      test('does not let an older content that comes late replace a newer one', async () => {
        await writer.write('parts', [partRow('A', 5)]);
        await writer.write('parts', [partRow('A', 4)]);
        await expectState('parts', [partRow('A', 5)]);
      });

      test('takes writes that overlap, of one writer and of several, to the same keys in any order', async () => {
        const others = await Promise.all(['writer-2', 'writer-3'].map((one) => open(one)));
        const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`);
        const writes = Array.from({ length: 30 }, (_, number) => {
          const rows = keys.map((key) => partRow(key, number + 1));
          return { by: [writer, ...others][number % 3], rows: number % 2 === 0 ? rows : rows.reverse() };
        });
        await Promise.all(writes.map(({ by, rows }) => by?.write('parts', rows)));
        await expectState(
          'parts',
          keys.map((key) => partRow(key, 30)),
        );
      });

      test('takes thousands of rows at once, and gives each back once', async () => {
        const rows = Array.from({ length: 3_333 }, (_, index) => partRow(`key ${index}`, index));
        await writer.write('parts', rows);
        await expectState('parts', rows);
      });

      test('takes an empty write', async () => {
        await writer.write('parts', []);
        await expectState('parts', []);
      });

      test('refuses a dataset that the pipeline does not have', async () => {
        await expect(writer.write('nothing', [partRow('A', 1)])).rejects.toThrow('no dataset "nothing"');
      });

      test('shows nothing of a write that failed, and takes the same rows and others after it', async () => {
        const mend = await store.obstruct('parts');
        const failed = writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        await expect(failed).rejects.toThrow();
        await expect(failed).rejects.not.toBeInstanceOf(WriterLost);
        await mend();
        await expectState('parts', []);
        await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
        await writer.write('parts', [partRow('C', 1)]);
        await expectState('parts', [partRow('A', 1), partRow('B', 1), partRow('C', 1)]);
      });

      test('goes on with the other datasets while one cannot be written', async () => {
        const mend = await store.obstruct('parts');
        const outcomes = await Promise.allSettled([
          writer.write('parts', [partRow('A', 1)]),
          writer.write('thing_parts', [mergedRow('T/A', 1)]),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
        await mend();
        await expectState('thing_parts', [mergedRow('T/A', 1)]);
      });
    });

    describe.runIf(refusesRows)('given rows that it refuses for what they hold', () => {
      const refusal = async (write: Promise<unknown>) => {
        const error = await write.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(RowsRefused);
        return error instanceof RowsRefused ? error.refusals : [];
      };
      const refuse = async (dataset: string, key: string) => {
        const mend = await store.refuse?.(dataset, key);
        return mend ?? (() => Promise.reject(new Error('the store cannot refuse a row')));
      };

      test('names them, and has all others once the write rejects', async () => {
        const mend = await refuse('parts', 'B');
        const rows = ['A', 'B', 'C', 'D', 'E'].map((key) => partRow(key, 1));
        const refusals = await refusal(writer.write('parts', rows));
        expect(refusals.map(({ row }) => row)).toEqual([rows[1]]);
        expect(refusals[0]?.row).toBe(rows[1]);
        expect(refusals[0]?.error).toBeInstanceOf(PoisonError);
        const others = rows.filter(({ key }) => key !== 'B');
        await expectState('parts', others);
        expect(await refusal(writer.write('parts', [partRow('B', 1)]))).toHaveLength(1);
        await mend();
        await writer.write('parts', [partRow('B', 1)]);
        await expectState('parts', rows);
      });

      test('has the rows once when the rows that it took are given again with those that it refused', async () => {
        const mend = await refuse('parts', 'B');
        const rows = [partRow('A', 1), partRow('A', 2), partRow('B', 1), partRow('B', 2), partRow('C', 3)];
        expect(await refusal(writer.write('parts', rows))).toHaveLength(2);
        await expectState('parts', [partRow('A', 2), partRow('C', 3)]);
        await mend();
        await writer.write('parts', [partRow('B', 2), partRow('B', 1)]);
        await expectState('parts', [partRow('A', 2), partRow('B', 2), partRow('C', 3)]);
      });

      test('names all of them if it takes none, and goes on', async () => {
        await refuse('parts', 'A');
        await refuse('parts', 'B');
        expect(await refusal(writer.write('parts', [partRow('A', 1), partRow('B', 1)]))).toHaveLength(2);
        await expectState('parts', []);
        await writer.write('parts', [partRow('C', 1)]);
        await expectState('parts', [partRow('C', 1)]);
      });

      test('refuses the writer, and not the rows, if that was fenced', async () => {
        await refuse('parts', 'B');
        await connect().takeOver('writer-1');
        await expectLost(writer.write('parts', [partRow('A', 1), partRow('B', 1)]));
        await expectState('parts', []);
      });
    });

    describe('given a tombstone', () => {
      test('closes the key, and an older content that comes late does not bring it back', async () => {
        await writer.write('thing_parts', [mergedRow('T/A', 1), mergedRow('T/B', 1)]);
        await writer.write('thing_parts', [mergedRow('T/A', 3, null)]);
        await writer.write('thing_parts', [mergedRow('T/A', 2)]);
        await expectState('thing_parts', [mergedRow('T/A', 3, null), mergedRow('T/B', 1)]);
      });

      test('closes a key of which nothing has landed', async () => {
        await writer.write('thing_parts', [mergedRow('T/A', 2, null)]);
        await writer.write('thing_parts', [mergedRow('T/A', 1)]);
        await expectState('thing_parts', [mergedRow('T/A', 2, null)]);
      });

      test('opens the key again for a newer content, which an older tombstone does not close', async () => {
        await writer.write('thing_parts', [mergedRow('T/A', 2, null)]);
        await writer.write('thing_parts', [mergedRow('T/A', 4)]);
        await writer.write('thing_parts', [mergedRow('T/A', 3, null)]);
        await expectState('thing_parts', [mergedRow('T/A', 4)]);
        await writer.write('thing_parts', [mergedRow('T/A', 5, null), mergedRow('T/A', 6), mergedRow('T/A', 7, null)]);
        await expectState('thing_parts', [mergedRow('T/A', 7, null)]);
      });

      test('closes a record of an entity, whatever its fields are, and opens it again', async () => {
        const thing = {
          id: 'T-1',
          at: '2025-06-01T00:00:00Z',
          needed_text: '',
          needed_whole: 1,
          needed_size: 1,
          needed_flag: true,
          needed_day: '2025-06-01',
          needed_json: {},
          lines: [],
        };
        const row = (number: number) => thingRow(thing, messageId(number));
        const deleted = (number: number) => thingRow({ id: 'T-1', at: thing.at, _deleted: true }, messageId(number));
        await writer.write('things', [row(1)]);
        await writer.write('things', [deleted(2)]);
        await expectState('things', [deleted(2)]);
        const closed = (await landed('things')).find((one) => one.deleted);
        expect(closed).toMatchObject({ key: 'T-1', version: '2025-06-01T00:00:00.000Z', values: {} });
        expect(tombstoneHash('thing', 'T-1', closed?.version ?? '')).toBe(closed?.hash);
        await writer.write('things', [row(3)]);
        await expectState('things', [row(3)]);
        await writer.write('things', [deleted(4), row(5), deleted(6)]);
        await expectState('things', [deleted(6)]);
      });

      test('of a dead writer tells whether it had landed', async () => {
        await writer.write('parts', [partRow('A', 1)]);
        const closing = { ...partRow('A', 2), hash: tombstoneHash('part', 'A', '2'), values: null };
        await writer.write('parts', [closing]);
        const heir = connect();
        const seen = await heir.takeOver('writer-1');
        const next = await open('writer-2', EPOCH, heir);
        if (!seen.has(closing)) await next.write('parts', [closing]);
        await expectState('parts', [closing]);
      });

      test('keeps the newer of a tombstone and a content that another writer writes at the same time', async () => {
        const other = await open('writer-2');
        const keys = Array.from({ length: 50 }, (_, index) => `T/${index}`);
        for (const [index, key] of keys.entries()) {
          const closing = mergedRow(key, index % 2 === 0 ? 2 : 1, null);
          const writes = [
            () => writer.write('thing_parts', [closing]),
            () => other.write('thing_parts', [mergedRow(key, index % 2 === 0 ? 1 : 2)]),
          ];
          if (index % 3 === 0) writes.reverse();
          await Promise.all(writes.map((write) => write()));
        }
        const expected = keys.map((key, index) => (index % 2 === 0 ? mergedRow(key, 2, null) : mergedRow(key, 2)));
        await expectState('thing_parts', expected);
      });
    });

    describe('when a writer is taken over', () => {
      test('refuses the writer from then on, and shows nothing of what it tries to write', async () => {
        await writer.write('parts', [partRow('A', 1)]);
        await connect().takeOver('writer-1');
        await expectLost(writer.write('parts', [partRow('B', 1)]));
        await expectLost(writer.write('thing_parts', [mergedRow('T/A', 1)]));
        await writer.close().catch(() => {});
        await expectState('parts', [partRow('A', 1)]);
        await expectState('thing_parts', []);
      });

      test('refuses the writer even if it has not begun yet', async () => {
        await connect().takeOver('writer-2');
        await expectLost(open('writer-2').then((late) => late.write('parts', [partRow('A', 1)])));
        await expectState('parts', []);
      });

      test('tells what had landed, so that each row is there once when another writer has written the rest', async () => {
        const first = [partRow('A', 1), partRow('B', 2)];
        const last = [partRow('A', 3), partRow('C', 3)];
        await writer.write('parts', first);
        await writer.write('parts', last);
        const heir = connect();
        const seen = await heir.takeOver('writer-1');
        const inDoubt = [...last, partRow('D', 4)];
        const missing = inDoubt.filter((row) => !seen.has(row));
        expect(missing).toContainEqual(partRow('D', 4));
        const next = await open('writer-2', EPOCH, heir);
        await next.write('parts', missing);
        await expectState('parts', [partRow('A', 3), partRow('B', 2), partRow('C', 3), partRow('D', 4)]);
      });

      test('does not affect any other writer', async () => {
        const other = await open('writer-2');
        await other.write('parts', [partRow('A', 1)]);
        await connect().takeOver('writer-1');
        await other.write('parts', [partRow('B', 1)]);
        await expectState('parts', [partRow('A', 1), partRow('B', 1)]);
      });

      test('allows several take-overs at once, and repeated ones', async () => {
        await writer.write('parts', [partRow('A', 1)]);
        const seen = await Promise.all([1, 2, 3, 4].map(() => connect().takeOver('writer-1')));
        seen.push(await connect().takeOver('writer-1'));
        expect(new Set(seen.map((one) => one.has(partRow('A', 1)))).size).toBe(1);
        await expectLost(writer.write('parts', [partRow('B', 1)]));
        await expectState('parts', [partRow('A', 1)]);
      });

      test('at the same time as a write: either the write is durable, or no reader ever sees its rows', async () => {
        for (let round = 0; round < 30; round++) {
          const name = `racing-${round}`;
          const racing = await open(name, EPOCH, sink);
          const rows = [partRow(`${round}/1`, 1), partRow(`${round}/2`, 1)];
          if (round % 2 === 0) await racing.write('parts', [partRow(`${round}/0`, 1)]);
          const write = racing.write('parts', rows).then(
            () => true,
            (error: unknown) => {
              expect(error).toBeInstanceOf(WriterLost);
              return false;
            },
          );
          for (let turns = round % 7; turns > 0; turns--) await turn();
          const seen = await connect().takeOver(name);
          const after = [...(await state('parts')).keys()].filter((key) => key.startsWith(`${round}/`));
          const durable = await write;
          const still = [...(await state('parts')).keys()].filter((key) => key.startsWith(`${round}/`));
          expect(still).toEqual(after);
          if (durable) expect(still).toEqual(expect.arrayContaining([`${round}/1`, `${round}/2`]));
          for (const row of rows) if (seen.has(row)) expect(still).toContain(row.key);
        }
      });
    });

    describe('when an epoch begins', () => {
      test('tells its name to every process', async () => {
        expect(await connect().epoch()).toBe(EPOCH);
        await connect().beginEpoch('sink.run.2');
        expect(await sink.epoch()).toBe('sink.run.2');
      });

      test('ends every writer of an older epoch: one that has written, one that has not, and one that has not begun yet', async () => {
        const idle = await open('writer-2');
        await writer.write('parts', [partRow('A', 1)]);
        await connect().beginEpoch('sink.run.2');
        await expectLost(writer.write('parts', [partRow('B', 1)]));
        await expectLost(idle.write('parts', [partRow('C', 1)]));
        await expectLost(open('writer-3').then((late) => late.write('parts', [partRow('D', 1)])));
        await expectState('parts', [partRow('A', 1)]);
        const next = await open('writer-4', 'sink.run.2');
        await next.write('parts', [partRow('E', 1)]);
        await expectState('parts', [partRow('A', 1), partRow('E', 1)]);
      });
    });

    test('has a name that stays the same for every process, and that no other output has', async () => {
      const names = await Promise.all([sink, ...Array.from({ length: 7 }, connect)].map((one) => one.identity()));
      expect(new Set(names).size).toBe(1);
      // An epoch's name begins with it, and a dot ends it there.
      expect(names[0]).toMatch(/^[^.\s]{8,}$/);
      const other = await makeStore();
      try {
        const theirs = other.connect();
        const [name, again] = await Promise.all([theirs.identity(), theirs.identity()]);
        expect(again).toBe(name);
        expect(names).not.toContain(name);
        expect(await theirs.epoch()).toBeUndefined();
        await theirs.close();
      } finally {
        await other.remove();
      }
    });

    test('says that it can be written, and may be closed more than once', async () => {
      await connect().probe();
      await writer.close();
      await sink.close();
      await sink.close();
    });

    describe('when it is read', () => {
      const thing = {
        id: 'T-1',
        at: '2025-06-01T10:00:00Z',
        needed_text: 'text',
        needed_whole: 1,
        needed_size: 1.5,
        needed_flag: true,
        needed_day: '2025-06-01',
        needed_json: {},
        lines: [],
      };
      const readBack = async (raw: object) => {
        const row = thingRow(raw, messageId(1));
        await writer.write('things', [row]);
        const found = (await landed('things')).find(({ key, hash }) => key === row.key && hash === row.hash);
        return { values: found?.values, hash: contentHash('thing', row.key, { ...found?.values }), row };
      };

      test.each([
        ['an empty text that is needed', { needed_text: '' }, { needed_text: '' }],
        ['an empty text that is optional, which counts as nothing', { text: '' }, { text: undefined }],
        ['text that a spreadsheet would run', { text: '=cmd()', needed_text: "'+1" }, { text: '=cmd()' }],
        ['text with quotes, commas and line ends', { text: '"a",\r\n\'b\'\n,"' }, { text: '"a",\r\n\'b\'\n,"' }],
        ['text of nothing but white space', { text: ' \t\r\n ' }, { text: ' \t\r\n ' }],
        ['text that means something to Postgres', { text: '\\N{NULL,"\\' }, { text: '\\N{NULL,"\\' }],
        ['very long text', { text: 'a"\n漢😀'.repeat(100_000) }, { text: 'a"\n漢😀'.repeat(100_000) }],
        ['the largest and the smallest whole number', { whole: 2 ** 53 - 1, needed_whole: -(2 ** 53) + 1 }, {}],
        [
          'the largest and the smallest whole number of 64 bits',
          { whole: '9223372036854775807', needed_whole: '-9223372036854775808' },
          { whole: '9223372036854775807', needed_whole: '-9223372036854775808' },
        ],
        ['a decimal number with zeros at its end', { money: '19.90' }, { money: '19.90' }],
        ['a decimal number of zero with zeros', { money: '0.00' }, { money: '0.00' }],
        ['a decimal number of forty digits', { money: '-12345678901234567890.12345678901234567890' }, {}],
        ['decimal numbers in lines', { lines: [{ sku: 'S', quantity: 1, cost: '1.10' }] }, {}],
        ['the smallest and the largest fraction', { size: 5e-324, needed_size: 1.7976931348623157e308 }, {}],
        [
          'a time with microseconds',
          { time: '2025-06-01T12:00:00.1234500+02:00' },
          { time: '2025-06-01T10:00:00.12345Z' },
        ],
        ['a time at a full second', { time: '2025-06-01T12:00:00' }, { time: '2025-06-01T12:00:00.000Z' }],
        ['the first time that can be written', { time: '0001-01-01T00:00:00Z' }, { time: '0001-01-01T00:00:00.000Z' }],
        [
          'the last moment that there is',
          { time: '9999-12-31T23:59:59.9999999Z' },
          { time: '9999-12-31T23:59:59.999999Z' },
        ],
        ['the first and the last day', { needed_day: '0001-01-01', day: '9999-12-31' }, { day: '9999-12-31' }],
        ['JSON that is a text', { json: '"quoted"', needed_json: '' }, { json: '"quoted"', needed_json: '' }],
        [
          'JSON with nulls and numbers inside',
          { json: { b: [null, 1e-9, -0.5], a: {} } },
          { json: { a: {}, b: [null, 1e-9, -0.5] } },
        ],
        ['false and zero, which are not empty', { flag: false, whole: 0 }, { flag: false, whole: 0 }],
      ])('gives back %s', async (_what, fields, expected) => {
        const { values, hash, row } = await readBack({ ...thing, ...fields });
        expect(values).toEqual(row.values);
        expect(values).toMatchObject(
          Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
        );
        for (const [field, value] of Object.entries(expected))
          if (value === undefined) expect(values).not.toHaveProperty(field);
        expect(hash).toBe(row.hash);
      });

      test('gives back the values, versions and hashes of every record that was accepted', async () => {
        let number = 0;
        let taken = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(odd.key, odd.record), { minLength: 1, maxLength: 30 }),
            async (records) => {
              const rows: Row[] = [];
              for (const [key, record] of records) {
                number += 1;
                try {
                  // As it arrives in a message: JSON has no undefined and no minus zero.
                  const raw: unknown = parseJson(stringifyJson({ ...record, id: `${key}${number}` }) ?? '');
                  rows.push(thingRow(raw, messageId(number)));
                } catch (error) {
                  if (!(error instanceof PoisonError)) throw error;
                }
              }
              taken += rows.length;
              await writer.write('things', rows);
              const found = new Map((await landed('things')).map((row) => [row.messageId, row]));
              for (const { key, version, hash, messageId, values } of rows) {
                expect(found.get(messageId)).toMatchObject({ key, version, hash, deleted: false });
                expect(found.get(messageId)?.values).toEqual(values);
                expect(contentHash('thing', key, { ...found.get(messageId)?.values })).toBe(hash);
              }
            },
          ),
          { numRuns: 60 },
        );
        expect(taken / number).toBeGreaterThan(0.4);
      });

      test('gives back the versions of both sides of a merged row, its order and its hash', async () => {
        const values = {
          thing_text: '=1',
          thing_time: '2025-06-01T00:00:00.000Z',
          thing_json: [1],
          quantity: 2,
          value: 3.1,
        };
        const rows = [mergedRow('T%2F1/=A', 1, values), mergedRow('T/A/2', 1, {})];
        await writer.write('thing_parts', rows);
        await expectState('thing_parts', rows);
        const found = (await landed('thing_parts')).find(({ key }) => key === 'T%2F1/=A');
        expect(found?.values).toEqual(values);
        expect(contentHash('thing_parts', 'T%2F1/=A', { ...found?.values })).toBe(found?.hash);
      });

      test('may be stopped before the end', async () => {
        await writer.write(
          'parts',
          Array.from({ length: 1_500 }, (_, index) => partRow(`key ${index}`, 1)),
        );
        for (let time = 0; time < 20; time++) {
          const reader = sink.scan(datasetNamed('parts'))[Symbol.asyncIterator]();
          expect((await reader.next()).done).toBe(false);
          await reader.return?.();
        }
        await writer.write('parts', [partRow('another', 1)]);
      });
    });
  });
}
