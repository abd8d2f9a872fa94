import { type PipelineConfig, parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LedgerKeys, ledgerKeys } from '../../src/ledger/keys.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { stateOf } from '../ledger/harness.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import type { Fields } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';

const pipeline = (missing: 'wait' | 'empty', merged = true): PipelineConfig =>
  parsePipeline(
    `
name: star
entities:
  customer: { dataset: customers, queue: customer_data, key: id, version: v, fields: { id: string, lines: { type: list, items: { sku: string, place: string?, count: integer } }, v: integer } }
  inventory: { dataset: items, queue: inventory_data, key: sku, version: v, fields: { sku: string, price: integer, v: integer } }
  warehouse: { dataset: warehouses, queue: warehouse_data, key: code, version: v, fields: { code: string, city: string, v: integer } }
endpoints: {}
merges:
  ${merged ? 'star' : 'other'}:
    each: { entity: customer, lines: lines }
    with: [{ entity: inventory, on: sku }, { entity: warehouse, on: place }]
    missing: ${missing}
    columns:
      count: line.count
      price: inventory.price
      city: warehouse.city
      label: { type: string, value: "warehouse.city + ' ' + string(inventory.price * line.count)" }
`,
    {},
    'star.yaml',
  );

const EPOCHS = ['sink.run1.e1', 'sink.run1.e2'] as const;
const line = (sku: string, place: string) => ({ sku, place, count: 2 });
const CUSTOMER = ['customer', { id: 'C', lines: [line('A', 'A')], v: 1 }] as const;
const ITEM = ['inventory', { sku: 'A', price: 5, v: 1 }] as const;
const PLACE = ['warehouse', { code: 'A', city: 'Rome', v: 1 }] as const;
const ORDERS = [
  [CUSTOMER, ITEM, PLACE],
  [CUSTOMER, PLACE, ITEM],
  [ITEM, CUSTOMER, PLACE],
  [ITEM, PLACE, CUSTOMER],
  [PLACE, CUSTOMER, ITEM],
  [PLACE, ITEM, CUSTOMER],
] as const;

describe('a star', () => {
  let redis: MemoryRedis;
  let sink: PlainSink;
  let steps: RunningSteps;
  beforeEach(() => {
    redis = new MemoryRedis(Date.now);
    sink = new PlainSink();
  });
  afterEach(() => steps.kill());
  const start = async (config: PipelineConfig, epoch: string = EPOCHS[0]) => {
    redis.store.set(ledgerKeys(config.name, '').epoch, epoch);
    await sink.beginEpoch(epoch);
    steps = await startSteps({ redis: redis.client(), sink, writer: `W-${epoch}`, epoch, config });
  };
  const done = async () => {
    await settled();
    await steps.flushNow();
    await settled();
  };
  const land = async (entity: string, body: Fields) => {
    steps.deliver(entity, body);
    await done();
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  };
  const rows = () =>
    sink.rows
      .filter(({ dataset }) => dataset === 'star')
      .map(({ key, deleted, values }) => (deleted ? `-${key}` : `${key} ${values.price ?? '?'} ${values.city ?? '?'}`));

  test.each(ORDERS)('has its row once all three are there, whichever comes first (%#)', async (...records) => {
    await start(pipeline('wait'));
    for (const [entity, body] of records) await land(entity, body);
    expect(rows()).toEqual(['C/A/A 5 Rome']);
    expect(sink.rows.find(({ dataset }) => dataset === 'star')?.values.label).toBe('Rome 10');
  });

  test.each(ORDERS)('that leaves empty what is missing has the row at once, and again (%#)', async (...records) => {
    await start(pipeline('empty'));
    for (const [entity, body] of records) await land(entity, body);
    expect(rows().at(-1)).toBe('C/A/A 5 Rome');
    expect(rows()).toHaveLength(3 - records.findIndex(([entity]) => entity === 'customer'));
  });

  test('follows changes and deletions of each side, and closes a line that points elsewhere by one of them', async () => {
    await start(pipeline('wait'));
    for (const [entity, body] of [CUSTOMER, ITEM, PLACE]) await land(entity, body);
    await land('warehouse', { code: 'A', city: 'Oslo', v: 2 });
    await land('inventory', { sku: 'A', price: 6, v: 2 });
    await land('warehouse', { code: 'A', v: 3, _deleted: true });
    await land('inventory', { sku: 'A', price: 7, v: 3 });
    await land('warehouse', { code: 'A', city: 'Bern', v: 4 });
    await land('warehouse', { code: 'B', city: 'Kiew', v: 1 });
    await land('customer', { id: 'C', lines: [line('A', 'B'), line('A', 'B'), line('A', '')], v: 2 });
    await land('warehouse', { code: 'A', city: 'Lima', v: 5 });
    await land('customer', { id: 'C', v: 3, _deleted: true });
    const first = ['C/A/A 5 Rome', 'C/A/A 5 Oslo', 'C/A/A 6 Oslo', '-C/A/A', 'C/A/A 7 Bern'];
    const moved = ['C/A/B 7 Kiew', 'C/A/B/2 7 Kiew', '-C/A/A', '-C/A/B', '-C/A/B/2'];
    expect(rows()).toEqual([...first, ...moved]);
  });

  test('keeps a row for a line that names nothing, where what is missing is left empty', async () => {
    await start(pipeline('empty'));
    await land('inventory', ITEM[1]);
    await land('customer', { id: 'C', lines: [line('A', ''), line('', ''), line('', 'B'), line('', '')], v: 1 });
    await land('warehouse', { code: 'B', city: 'Kiew', v: 1 });
    expect(rows()).toEqual(['C/A/ 5 ?', 'C// ? ?', 'C//B ? ?', 'C///2 ? ?', 'C//B ? Kiew']);
    await land('customer', { id: 'C', lines: [line('', 'B')], v: 2 });
    expect(rows().slice(5).sort()).toEqual(['-C//', '-C///2', '-C/A/']);
  });

  test('is rebuilt as it was, and its rows are made when it is added to what has landed', async () => {
    await start(pipeline('empty', false));
    for (const [entity, body] of [PLACE, CUSTOMER, ITEM]) await land(entity, body);
    await land('customer', { id: 'D', lines: [line('A', 'B'), line('A', '')], v: 1 });
    const state = (keys: LedgerKeys, merge: string) =>
      stateOf(redis.client(), keys, ['customers', 'items', 'warehouses'], [merge]);
    const before = JSON.stringify(await state(steps.keys, 'other'));
    await steps.kill();
    const config = pipeline('empty');
    const keys = ledgerKeys(config.name, EPOCHS[1]);
    await rebuildFromSink({ redis: redis.client(), config, sink, clock: new FakeClock() })(keys);
    expect(rows()).toEqual([]);
    await start(config, EPOCHS[1]);
    await steps.remerge();
    await done();
    expect(rows()).toEqual(['C/A/A 5 Rome', 'D/A/B 5 ?', 'D/A/ 5 ?']);
    expect(await state(steps.keys, 'star')).toEqual(JSON.parse(before.replaceAll('other', 'star')));
  });
});
