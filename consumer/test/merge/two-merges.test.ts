import { type PipelineConfig, versionOrder } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeContent } from '../../src/ledger/content.js';
import { awaitedName, type LedgerKeys, ledgerKeys } from '../../src/ledger/keys.js';
import { writeOrder } from '../../src/ledger/order.js';
import { nameOfMerges } from '../../src/merge/rows.js';
import { changedForms, formsOf } from '../../src/recovery/forms.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { stateOf } from '../ledger/harness.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, customer, item } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';

const [INVENTORY_MERGE] = CRM.merges;
if (INVENTORY_MERGE === undefined) throw new Error('the CRM pipeline has a merge');

/** The merge of the CRM, and one of the same sides that shows their prices alone. */
const PRICES = { ...INVENTORY_MERGE, dataset: 'customer_prices', columns: { price: 'inventory.price' } };
const TWO: PipelineConfig = { ...CRM, merges: [INVENTORY_MERGE, PRICES] };
const EPOCH = 'sink.run1.e1';
const NEXT = 'sink.run1.e2';
const DATASETS = ['customers', 'inventory', 'customer_inventory', 'customer_prices'];
const lines = (...skus: string[]) => skus.map((sku) => ({ sku, quantity: 1 }));
const at = (minute: number) => `2025-01-01T00:0${minute}:00.000Z`;

describe('two merges of the same entities', () => {
  let redis: MemoryRedis;
  let sink: PlainSink;
  let steps: RunningSteps;
  const running: RunningSteps[] = [];
  const start = async (writer: string, epoch = EPOCH, config = TWO) => {
    redis.store.set(ledgerKeys(CRM.name, '').epoch, epoch);
    const begun = await startSteps({ redis: redis.client(), sink, writer, epoch, config });
    running.push(begun);
    return begun;
  };
  beforeEach(async () => {
    redis = new MemoryRedis(Date.now);
    sink = new PlainSink();
    await sink.beginEpoch(EPOCH);
    steps = await start('X');
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.kill();
  });
  const done = async (of = steps) => {
    await settled();
    await of.flushNow();
    await settled();
  };
  const landed = () => sink.rows.map(({ dataset, key, deleted }) => `${dataset} ${deleted ? '-' : ''}${key}`);

  test('each make their rows, before the own row of the record that came second', async () => {
    steps.deliver('customer', customer({ lines: lines('A') }));
    await done();
    steps.deliver('inventory', item({ sku: 'A' }));
    await done();
    steps.deliver('customer', customer({ id: 'C-2', lines: lines('A') }));
    await done();
    const rowsOf = (id: string) => [`customer_inventory ${id}/A`, `customer_prices ${id}/A`];
    expect(landed()).toEqual(['customers C-1', ...rowsOf('C-1'), 'inventory A', ...rowsOf('C-2'), 'customers C-2']);
    expect(sink.rows.find(({ dataset }) => dataset === 'customer_prices')?.values).toEqual({ price: 19.99 });
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  });

  test('each close the rows of a line that is dropped', async () => {
    steps.deliver('inventory', item({ sku: 'A' }));
    await done();
    steps.deliver('customer', customer({ lines: lines('A') }));
    await done();
    steps.deliver('customer', customer({ lines: [], updatedAt: at(1) }));
    await done();
    steps.deliver('customer', customer({ lines: [], updatedAt: at(2) }));
    await done();
    expect(sink.keys('customer_inventory')).toEqual(['C-1/A', '-C-1/A']);
    expect(sink.keys('customer_prices')).toEqual(['C-1/A', '-C-1/A']);
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  });

  test('a record waits if another consumer has its row of one merge in flight, and its row of the other merge lands', async () => {
    const other = await start('Y');
    steps.deliver('inventory', item({ sku: 'A' }), 'm1');
    await done();
    steps.deliver('customer', customer({ name: 'Ada', lines: lines('A') }), 'm2');
    await settled();
    // The name is no column of the prices: there it is the same content.
    other.deliver('customer', customer({ name: 'Bob', lines: lines('A'), updatedAt: at(1) }), 'm3');
    await done(other);
    expect(landed()).toEqual(['inventory A', 'customer_inventory C-1/A']);
    expect(other.unsettled()).toBe(1);
    await done();
    await other.clock.advance(250);
    await done(other);
    expect(sink.keys('customer_prices')).toEqual(['C-1/A']);
    expect(sink.rows.filter(({ dataset }) => dataset === 'customers').map(({ values }) => values.name)).toEqual([
      'Ada',
      'Bob',
    ]);
    expect([steps.errors, other.errors, steps.unsettled(), other.unsettled()]).toEqual([[], [], 0, 0]);
  });

  test('are rebuilt from the sink, each with its own state', async () => {
    for (const sku of ['A', 'B']) steps.deliver('inventory', item({ sku }));
    steps.deliver('customer', customer({ lines: lines('A', 'B') }));
    await done();
    steps.deliver('customer', customer({ lines: lines('C'), updatedAt: at(1) }));
    await done();
    const client = redis.client();
    const state = (keys: LedgerKeys) => stateOf(client, keys, DATASETS, ['customer_inventory', 'customer_prices']);
    const keys = ledgerKeys(CRM.name, NEXT);
    await rebuildFromSink({ redis: client, config: TWO, sink, clock: new FakeClock() })(keys);
    const before = await state(steps.keys);
    expect(await state(keys)).toEqual(before);
    expect(before['each of customer_prices']).not.toEqual({});
  });

  test('are doubted together: the newest order of a record that only merged rows tell of counts', async () => {
    steps.deliver('inventory', item({ sku: 'A', price: 1 }), 'm1');
    await done();
    steps.deliver('customer', customer({ lines: lines('A') }), 'm2');
    await done();
    for (const [minute, price] of [
      [1, 2],
      [2, 3],
    ] as const) {
      steps.deliver('inventory', item({ sku: 'A', price, updatedAt: at(minute) }), `m${minute + 2}`);
      await done();
    }
    // Of the item's last two contents only merged rows have landed, and in the second merge only those of the older.
    const isLost = ({ dataset, messageId }: (typeof sink.rows)[number]) =>
      (dataset === 'inventory' && messageId !== 'm1') || (dataset === 'customer_prices' && messageId.endsWith('m4'));
    sink.rows.splice(0, sink.rows.length, ...sink.rows.filter((row) => !isLost(row)));
    const keys = ledgerKeys(CRM.name, NEXT);
    await rebuildFromSink({ redis: redis.client(), config: TWO, sink, clock: new FakeClock() })(keys);
    expect(redis.store.hash(keys.ledger('inventory')).get('A')).toBe(writeContent('?', versionOrder(at(2), 'm4')));
    const awaited = (merge: string) => redis.store.hash(keys.merge(merge).awaited).get(awaitedName('C-1', 'A', 0));
    expect(awaited('customer_inventory')).toBe(writeOrder(versionOrder(at(2), 'm4')));
    expect(awaited('customer_prices')).toBe(writeOrder(versionOrder(at(1), 'm3')));
  });

  test('are made anew each by itself: when one is changed, dropped or added, no row of the other is written', async () => {
    let epochs = 1;
    const change = async (...merges: PipelineConfig['merges']) => {
      await steps.kill();
      const config = { ...CRM, merges };
      const epoch = `sink.run1.e${++epochs}`;
      await rebuildFromSink({ redis: redis.client(), config, sink, clock: new FakeClock() })(
        ledgerKeys(CRM.name, epoch),
      );
      await sink.beginEpoch(epoch);
      const before = sink.rows.length;
      steps = await start(`W${epochs}`, epoch, config);
      await steps.remerge();
      await done();
      expect(steps.errors).toEqual([]);
      return sink.rows.slice(before).map(({ dataset, key, deleted }) => `${dataset} ${deleted ? '-' : ''}${key}`);
    };
    steps.deliver('inventory', item({ sku: 'A' }));
    await done();
    steps.deliver('customer', customer({ lines: lines('A', 'B') }));
    await done();
    expect(await change(INVENTORY_MERGE, { ...PRICES, columns: { stock: 'inventory.stock' } })).toEqual([
      'customer_prices C-1/A',
    ]);
    expect(await change(INVENTORY_MERGE)).toEqual([]);
    expect(await change(INVENTORY_MERGE, PRICES, { ...PRICES, dataset: 'third' })).toEqual([
      'customer_prices C-1/A',
      'third C-1/A',
    ]);
    expect(await change(PRICES, INVENTORY_MERGE)).toEqual([]);
  });

  test('have forms of their own: a change of one is none of the other, or of the entities', () => {
    const before = formsOf(TWO);
    const after = formsOf({ ...CRM, merges: [INVENTORY_MERGE, { ...PRICES, columns: {} }] });
    expect([...changedForms(before, after)]).toEqual(['customer_prices']);
  });

  test('have another name than each of them alone', () => {
    const names = [[], [INVENTORY_MERGE], [PRICES], [INVENTORY_MERGE, PRICES]].map((merges) =>
      nameOfMerges({ ...CRM, merges }),
    );
    expect(names[0]).toBe('none');
    expect(new Set(names).size).toBe(4);
  });
});
