import { type PipelineConfig, packedId } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LedgerKeys } from '../../src/ledger/keys.js';
import { nameOfMerges } from '../../src/merge/rows.js';
import { enterEpoch } from '../../src/recovery/epoch.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { readContent } from '../simulation/known.js';
import { FakeClock } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, customer, type Fields, item, log } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';
import type { TestRedis } from '../support/test-redis.js';
import { type LedgerState, MERGED, removePipeline, stateOf, uniquePipeline } from './harness.js';

const DATASETS = ['customers', 'inventory', 'customer_inventory'];
/** A configuration that came into use lately leaves a mark on the rows of the producer's messages (writeFormed in ledger/content.ts). */
const withoutForms = (state: LedgerState): LedgerState =>
  Object.fromEntries(
    Object.entries(state).map(([name, value]) => {
      if (!name.startsWith('ledger of ')) return [name, value];
      const contents = Object.entries(value as Record<string, string>);
      return [name, Object.fromEntries(contents.map(([key, text]) => [key, text.replace(/^~.{7}/, '')]))];
    }),
  );

const plainId = (message: number) => `m${String(message).padStart(4, '0')}`;
const uuidOf = (message: number) => `019b7600-0000-7000-8000-${message.toString(16).padStart(12, '0')}`;
const at = (minute: number) => `2025-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`;
const lines = (...skus: string[]) => skus.map((sku, n) => ({ sku, quantity: n + 1 }));

/** All that a ledger knows can be read back from the sink. */
export function describeRebuilds(name: string, connect: () => Promise<TestRedis>): void {
  describe(`a ledger in ${name}, rebuilt from the sink,`, () => {
    let redis: TestRedis;
    let pipeline: string;
    let sink: PlainSink;
    let steps: RunningSteps;
    let keys: LedgerKeys;
    let messages = 0;
    let idOf = plainId;
    const running: RunningSteps[] = [];
    beforeEach(async () => {
      redis = await connect();
      pipeline = uniquePipeline();
      idOf = plainId;
      sink = new PlainSink();
      await begin('X');
    });
    afterEach(async () => {
      for (const one of running.splice(0)) await one.kill();
      await removePipeline(redis, pipeline);
    });
    async function begin(writer: string, config: PipelineConfig = CRM): Promise<void> {
      const rebuild = rebuildFromSink({ redis, config, sink, clock: new FakeClock() });
      const { signal } = new AbortController();
      const epoch = await enterEpoch({
        redis,
        pipeline,
        sink,
        mergeName: nameOfMerges(config),
        rebuild,
        clock: new FakeClock(),
        log,
        signal,
      });
      steps = await startSteps({
        redis,
        sink,
        writer: `${writer}${running.length}`,
        epoch: epoch.name,
        pipeline,
        config,
      });
      running.push(steps);
      keys = epoch.keys;
    }
    const state = () => stateOf(redis, keys, DATASETS, [MERGED]);
    /** Does what FLUSHALL does, for this pipeline alone. */
    const rebuild = async (config?: PipelineConfig): Promise<void> => {
      await removePipeline(redis, pipeline);
      await begin('Y', config);
    };
    const land = async (entity: string, ...bodies: Fields[]) => {
      for (const body of bodies) {
        steps.deliver(entity, body, idOf(++messages));
        // Until it is claimed, merged and written, so that each record meets what the record before has left.
        const written = async () => {
          await steps.flushNow();
          expect(steps.unsettled()).toBe(0);
        };
        await vi.waitFor(written);
      }
    };
    const landed = () => sink.rows.map(({ dataset, key }) => `${dataset} ${key}`);

    test.each([
      ['another program', plainId],
      ['the producer', uuidOf],
      ['the producer in packs', (n: number) => packedId(uuidOf(n >> 1), n % 2)],
    ])('is what it was, with the message ids of %s', async (_whose, ids) => {
      idOf = ids;
      const items = ['A', 'B', 'A/2', 'Ä 100%'].map((sku) => item({ sku }));
      await land('inventory', ...items);
      await land(
        'customer',
        customer({ id: 'C-1', lines: lines('A', 'B', 'A') }),
        customer({ id: 'C-2', lines: lines('A/2') }),
        customer({ id: 'C-3', lines: lines('Ä 100%', 'A'), phone: '' }),
        customer({ id: 'C/4', lines: [] }),
      );
      // Changes of either side, lines that are dropped, come back and change, and a line that points at an item that comes later.
      await land('customer', customer({ id: 'C-1', lines: lines('B', 'A'), updatedAt: at(1) }));
      await land('inventory', item({ sku: 'A', price: 5, stock: 0, updatedAt: at(2) }));
      await land('customer', customer({ id: 'C-3', lines: [], updatedAt: at(3) }));
      await land('customer', customer({ id: 'C-3', lines: lines('A'), updatedAt: at(4), name: '=cmd' }));
      await land('customer', customer({ id: 'C-2', lines: lines('later'), updatedAt: at(5) }));
      await land('inventory', item({ sku: 'later' }));
      const before = await state();
      expect(before['claims of customer_inventory']).toEqual({});
      const count = sink.rows.length;
      await rebuild();
      expect(withoutForms(await state())).toEqual(before);
      expect(await steps.ledger.unmerged(MERGED, 10)).toEqual([]);
      expect(sink.rows).toHaveLength(count);
    });

    test('of nothing is empty', async () => {
      const before = await state();
      await rebuild();
      expect(await state()).toEqual(before);
      expect(before['ledger of customers']).toEqual({});
    });

    test('of thousands of records is what it was', async () => {
      await land('inventory', item({ sku: 'A' }));
      for (let n = 0; n < 1_500; n++) {
        steps.deliver('customer', customer({ id: `C-${n}`, lines: lines('A') }), `c${String(n).padStart(4, '0')}`);
      }
      await land('inventory', item({ sku: 'B' }));
      const before = await state();
      await rebuild();
      expect(await state()).toEqual(before);
      expect(Object.keys(before['ledger of customer_inventory'] as object)).toHaveLength(1_500);
    }, 30_000);

    test('knows every record: one that comes once more is a duplicate, one that comes late is stale', async () => {
      const newest = customer({ lines: lines('A'), updatedAt: at(1) });
      await land('inventory', item({ sku: 'A' }));
      await land('customer', customer({ lines: lines('A', 'B') }), newest);
      await rebuild();
      const before = landed();
      await land('customer', newest, customer({ lines: lines('A', 'B') }));
      await land('inventory', item({ sku: 'A' }));
      expect(landed()).toEqual(before);
    });

    test('knows lines whose merged row has landed although their record has not, and closes those that are dropped', async () => {
      await land('inventory', item({ sku: 'A' }));
      const half = customer({ lines: lines('A') });
      await land('customer', half);
      sink.rows.splice(
        sink.rows.findIndex(({ dataset }) => dataset === 'customers'),
        1,
      );
      await rebuild();
      await land('customer', customer({ lines: [], updatedAt: at(1) }));
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A', '-C-1/A']);
    });

    test('doubts the content of a record that a merged row has overtaken: the same content once more is a change then', async () => {
      // Three contents have one version: A landed, B landed only in its merged row, and A comes again.
      const [a, b] = [item({ sku: 'A', price: 1 }), item({ sku: 'A', price: 2 })];
      await land('customer', customer({ lines: lines('A') }));
      await land('inventory', a, b);
      sink.rows.splice(
        sink.rows.findLastIndex(({ dataset }) => dataset === 'inventory'),
        1,
      );
      await rebuild();
      await land('inventory', a);
      const prices = sink.rows
        .filter(({ dataset }) => dataset === 'customer_inventory')
        .map(({ values }) => values.price);
      expect(prices).toEqual([1, 2, 1]);
      await land('inventory', a);
      expect(sink.keys('inventory')).toEqual(['A', 'A']);
    });

    const columns = (...names: string[]): PipelineConfig['merges'] =>
      CRM.merges.map((merge) => ({
        ...merge,
        columns: Object.fromEntries(names.map((name) => [name, merge.columns[name] ?? ''])),
      }));
    const half = (dataset: string) => {
      const last = sink.rows.findLastIndex((row) => row.dataset === dataset);
      sink.rows.splice(last, 1);
    };
    const merged = () =>
      sink.rows
        .filter(({ dataset }) => dataset === 'customer_inventory')
        .map(({ values }) => `${String(values.customer_name)} ${String(values.price)}`);

    test('makes no merged row of an item that a merged row has overtaken', async () => {
      await land('inventory', item({ sku: 'A', price: 1 }));
      await land('customer', customer({ name: 'Ada', lines: lines('A') }));
      const newer = item({ sku: 'A', price: 2, updatedAt: at(2) });
      await land('inventory', newer);
      half('inventory');
      await rebuild();
      await land('customer', customer({ name: 'Bob', lines: lines('A'), updatedAt: at(3) }));
      expect(merged()).toEqual(['Ada 1', 'Ada 2']);
      await land('inventory', newer);
      expect(merged()).toEqual(['Ada 1', 'Ada 2', 'Bob 2']);
    });

    test('does not make a merged row again of two records that had landed only in it', async () => {
      await land('inventory', item({ sku: 'A', price: 1 }));
      await land('customer', customer({ name: 'Ada', lines: lines('A') }));
      const bob = customer({ name: 'Bob', lines: lines('A'), updatedAt: at(3) });
      const newer = item({ sku: 'A', price: 2, updatedAt: at(2) });
      await land('customer', bob);
      await land('inventory', newer);
      half('customers');
      half('inventory');
      for (const records of [() => land('customer', bob), () => land('inventory', newer)]) {
        await rebuild();
        await records();
        expect(merged()).toEqual(['Ada 1', 'Bob 1', 'Bob 2']);
      }
      expect(sink.keys('customers')).toEqual(['C-1', 'C-1']);
    });

    const gone = (fields: Fields, minute = 0) => ({ ...fields, updatedAt: at(minute), _deleted: true });

    test('knows which records are deleted, of either side', async () => {
      await land('inventory', item({ sku: 'A' }), item({ sku: 'B' }), gone({ sku: 'never' }));
      await land(
        'customer',
        customer({ id: 'C-1', lines: lines('A', 'B') }),
        customer({ id: 'C-2', lines: lines('B') }),
      );
      await land('inventory', gone({ sku: 'A' }, 1));
      await land('customer', customer({ id: 'C-1', lines: lines('A', 'B'), name: 'Bob', updatedAt: at(2) }));
      await land('customer', gone({ id: 'C-2' }, 3), gone({ id: 'C-3' }, 3));
      await land('inventory', gone({ sku: 'B' }, 4), item({ sku: 'B', price: 7, updatedAt: at(5) }));
      const before = await state();
      const rows = landed();
      expect(sink.keys('inventory')).toEqual(['A', 'B', '-never', '-A', '-B', 'B']);
      expect(sink.keys('customer_inventory').slice(3)).toEqual(['-C-1/A', 'C-1/B', '-C-2/B', '-C-1/B', 'C-1/B']);
      await rebuild();
      // The newest order under which content was asked for again is noted in the ledger alone.
      const withoutNotes = (of: Awaited<ReturnType<typeof state>>) => {
        const merged = Object.entries(of['ledger of customer_inventory'] as Record<string, string>);
        const hashes = Object.fromEntries(merged.map(([key, text]) => [key, readContent(text)[0]]));
        return { ...of, 'ledger of customer_inventory': hashes };
      };
      expect(withoutNotes(await state())).toEqual(withoutNotes(before));
      expect(await steps.ledger.unmerged(MERGED, 10)).toEqual([]);
      await land('inventory', item({ sku: 'A' }), gone({ sku: 'A' }, 1));
      await land('customer', customer({ id: 'C-2', lines: lines('B') }), gone({ id: 'C-2' }, 3));
      expect(landed()).toEqual(rows);
    });

    test('brings merged rows back with a deleted record of either side', async () => {
      await land('inventory', item({ sku: 'A' }), gone({ sku: 'A' }, 1));
      await land('customer', customer({ lines: lines('A') }), gone({ id: 'C-1' }, 1));
      await rebuild();
      await land('customer', customer({ lines: lines('A'), updatedAt: at(2) }));
      expect(sink.keys('customer_inventory')).toEqual([]);
      await land('inventory', item({ sku: 'A', updatedAt: at(2) }));
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A']);
      await land('inventory', gone({ sku: 'A' }, 3));
      await rebuild();
      await land('inventory', item({ sku: 'A', updatedAt: at(4) }));
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A', '-C-1/A', 'C-1/A']);
    });

    test('doubts the content of a record whose deletion only a merged row tells of: the same content once more comes back', async () => {
      const ada = customer({ lines: lines('A') });
      await land('inventory', item({ sku: 'A' }));
      await land('customer', ada, gone({ id: 'C-1' }));
      half('customers');
      await land('inventory', gone({ sku: 'A' }));
      await rebuild();
      await land('customer', ada);
      await land('inventory', item({ sku: 'A' }));
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A', '-C-1/A', 'C-1/A']);
    });

    describe('of a side that has landed in merged rows alone, under the version that was there before,', () => {
      const ada = (minute: number, ...skus: string[]) => customer({ lines: lines(...skus), updatedAt: at(minute) });
      const history = (key: string) =>
        sink.rows.filter((row) => row.key === key).map(({ deleted, values }) => (deleted ? 'gone' : values.price));

      /** A line has a row of an item that has not landed as it is there. */
      const changeHalfLanded = async () => {
        await land('inventory', item({ sku: 'A', price: 1 }));
        await land('customer', ada(0, 'A'));
        const changed = item({ sku: 'A', price: 2 });
        await land('inventory', changed);
        half('inventory');
        await rebuild();
        return changed;
      };

      test('makes no row that lets a deleted record come back until its deletion comes', async () => {
        await land('inventory', item({ sku: 'A', price: 1 }));
        await land('customer', ada(0, 'A'), ada(1, 'A'));
        await land('inventory', gone({ sku: 'A' }));
        half('customers');
        half('inventory');
        await rebuild();
        await land('customer', ada(1, 'A'));
        await rebuild();
        expect(await steps.ledger.unmerged(MERGED, 10)).toEqual(['C-1'].map((key) => expect.objectContaining({ key })));
        await steps.remerge();
        expect(history('C-1/A')).toEqual([1, 1, 'gone']);
        await land('inventory', gone({ sku: 'A' }));
        expect(history('C-1/A')).toEqual([1, 1, 'gone']);
        expect(sink.keys('inventory')).toEqual(['A', '-A']);
      });

      test('does not either where the record with the line had landed without it', async () => {
        await land('inventory', item({ sku: 'A', price: 1 }));
        await land('customer', ada(0), ada(1, 'A'));
        await land('inventory', gone({ sku: 'A' }));
        half('customers');
        half('inventory');
        await rebuild();
        await land('customer', ada(1, 'A'));
        expect(history('C-1/A')).toEqual([1, 'gone']);
        await land('inventory', gone({ sku: 'A' }));
        expect(history('C-1/A')).toEqual([1, 'gone']);
        await land('inventory', item({ sku: 'A', price: 1 }));
        expect(history('C-1/A')).toEqual([1, 'gone', 1]);
      });

      test('lets no record come back of which nothing has landed, and of whose deletion a closed row tells', async () => {
        await land('customer', ada(0, 'A'));
        await land('inventory', item({ sku: 'A', price: 1 }), gone({ sku: 'A' }, 1));
        await land('customer', ada(2, 'A'));
        half('inventory');
        half('inventory');
        await rebuild();
        await land('inventory', item({ sku: 'A', price: 1 }));
        expect(history('C-1/A')).toEqual([1, 'gone']);
        await land('inventory', gone({ sku: 'A' }, 1));
        expect(history('C-1/A')).toEqual([1, 'gone']);
        await land('inventory', item({ sku: 'A', price: 1, updatedAt: at(3) }));
        expect(history('C-1/A')).toEqual([1, 'gone', 1]);
      });

      test('does not close the row of a record that was deleted and is back', async () => {
        await land('inventory', item({ sku: 'A', price: 1 }));
        await land('customer', ada(0, 'A'));
        await land('inventory', gone({ sku: 'A' }), item({ sku: 'A', price: 1 }));
        half('inventory');
        await rebuild();
        await land('customer', ada(1, 'A'));
        expect(history('C-1/A')).toEqual([1, 'gone', 1]);
        await land('inventory', item({ sku: 'A', price: 1 }));
        expect(history('C-1/A')).toEqual([1, 'gone', 1, 1]);
        expect(sink.keys('inventory')).toEqual(['A', '-A', 'A']);
      });

      test('makes rows of the landed record for lines that had none of the newer one, and its rows when it comes', async () => {
        const changed = await changeHalfLanded();
        await land('customer', customer({ id: 'C-2', lines: lines('A') }), ada(1, 'A'));
        await land('customer', customer({ id: 'C-2', lines: lines('A'), updatedAt: at(1), name: 'Bob' }));
        expect([history('C-1/A'), history('C-2/A')]).toEqual([
          [1, 2],
          [1, 1],
        ]);
        await land('inventory', changed);
        expect([history('C-1/A'), history('C-2/A')]).toEqual([
          [1, 2, 2],
          [1, 1, 2],
        ]);
      });

      test('closes a line that its record drops, and brings it back with the newer record alone', async () => {
        const changed = await changeHalfLanded();
        await land('customer', ada(1), ada(2, 'A'));
        expect(history('C-1/A')).toEqual([1, 2, 'gone']);
        await land('inventory', changed);
        expect(history('C-1/A')).toEqual([1, 2, 'gone', 2]);
      });

      test.each([
        ['is deleted', gone({ id: 'C-1' }, 3)],
        ['has no lines any more', ada(3)],
        ['has this line alone no more', ada(3, 'A')],
      ])(
        'closes a line that a newer record had, although the one before it was merged again, when it %s',
        async (_how, next) => {
          // Where nothing of a record but its version changes, its merged rows do not.
          const config = { ...CRM, merges: columns('sku', 'price') };
          await rebuild(config);
          await land('inventory', item({ sku: 'A', price: 1 }), item({ sku: 'B', price: 1 }));
          await land('customer', ada(0, 'A'));
          const changed = item({ sku: 'A', price: 2, updatedAt: at(1) });
          await land('inventory', changed);
          half('inventory');
          await land('customer', ada(1, 'A'), ada(2, 'A', 'B'));
          half('customers');
          await rebuild(config);
          expect(await steps.ledger.unmerged(MERGED, 10)).toHaveLength(1);
          await steps.remerge();
          expect(history('C-1/B')).toEqual([1]);
          await land('customer', next, ada(2, 'A', 'B'));
          expect(history('C-1/B')).toEqual([1, 'gone']);
        },
      );
    });

    describe('of a merge that was changed', () => {
      /** Begins again with other merges, and makes merged rows of what landed. */
      const change = async (merges: PipelineConfig['merges']) => {
        await removePipeline(redis, pipeline);
        await begin('Z', { ...CRM, merges });
        await steps.clock.advance(running.length);
        await steps.remerge();
      };
      const newest = () => {
        const rows = sink.rows.filter(({ dataset }) => dataset === 'customer_inventory');
        const sorted = rows.toSorted((a, b) => (a.order < b.order ? -1 : 1));
        return Object.fromEntries(sorted.map(({ key, values }) => [key, values && Object.keys(values).sort()]));
      };

      test('makes every merged row again, once, and once more when the merge is changed back', async () => {
        await land('inventory', item({ sku: 'A' }), item({ sku: 'B' }));
        await land('customer', customer({ lines: lines('A', 'B') }));
        for (const names of [['sku', 'price'], ['sku', 'quantity', 'price'], ['sku']]) {
          const before = sink.rows.length;
          await change(columns(...names));
          expect(newest()).toEqual({ 'C-1/A': names.toSorted(), 'C-1/B': names.toSorted() });
          expect(sink.rows).toHaveLength(before + 2);
          await change(columns(...names));
          expect(sink.rows).toHaveLength(before + 2);
        }
        await land('inventory', item({ sku: 'A' }), item({ sku: 'A', updatedAt: at(5), price: 77 }));
        expect(sink.keys('customer_inventory').filter((key) => key === 'C-1/A')).toHaveLength(4);
      });

      test('makes the rows of a merge that was added, and after a merge was off makes the missing rows and closes the old ones', async () => {
        await begin('N', { ...CRM, merges: [] });
        await land('inventory', item({ sku: 'A' }), item({ sku: 'B' }));
        await land('customer', customer({ lines: lines('A') }), customer({ id: 'C-2', lines: [] }));
        expect(sink.keys('customer_inventory')).toEqual([]);
        await change(CRM.merges);
        expect(sink.keys('customer_inventory')).toEqual(['C-1/A']);

        await begin('O', { ...CRM, merges: [] });
        await land(
          'customer',
          customer({ lines: lines('B'), updatedAt: at(1) }),
          customer({ id: 'C-2', lines: lines('A'), updatedAt: at(1) }),
        );
        await land('inventory', item({ sku: 'B', price: 9, updatedAt: at(1) }));
        await change(CRM.merges);
        expect(sink.keys('customer_inventory').sort()).toEqual(['-C-1/A', 'C-1/A', 'C-1/B', 'C-2/A']);
        await land('customer', customer({ lines: [], updatedAt: at(2) }));
        expect(sink.keys('customer_inventory').slice(4)).toEqual(['-C-1/B']);
      });

      test('closes the rows of records of either side that were deleted while a merge was off', async () => {
        await land('inventory', item({ sku: 'A' }), item({ sku: 'B' }));
        await land('customer', customer({ lines: lines('A', 'B') }), customer({ id: 'C-2', lines: lines('B') }));
        await begin('O', { ...CRM, merges: [] });
        await land('inventory', gone({ sku: 'A' }, 1));
        await land('customer', gone({ id: 'C-2' }, 1));
        await change(CRM.merges);
        expect(newest()).toMatchObject({ 'C-1/A': [], 'C-2/B': [] });
        expect(sink.keys('customer_inventory').slice(3).sort()).toEqual(['-C-1/A', '-C-2/B']);
        await land('customer', customer({ lines: lines('A', 'B'), updatedAt: at(2), name: 'Bob' }));
        await land('inventory', item({ sku: 'A', updatedAt: at(2) }));
        await land('customer', customer({ id: 'C-2', lines: lines('A'), updatedAt: at(2) }));
        expect(sink.keys('customer_inventory').slice(5)).toEqual(['C-1/B', 'C-1/A', 'C-2/A']);
      });
    });
  });
}
