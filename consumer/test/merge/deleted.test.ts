import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, customer, type Fields, item } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';

const EPOCH = 'sink.run1.e1';
const MERGE = 'customer_inventory';
const at = (minute: number) => `2025-01-01T00:0${minute}:00.000Z`;
const lines = (...skus: string[]) => skus.map((sku) => ({ sku, quantity: 1 }));
const gone = (fields: Fields, minute = 0): Fields => ({ updatedAt: at(minute), ...fields, _deleted: true });

describe('a record that is deleted', () => {
  let redis: MemoryRedis;
  let sink: PlainSink;
  let steps: RunningSteps;
  const running: RunningSteps[] = [];
  const start = async (writer: string) => {
    const begun = await startSteps({ redis: redis.client(), sink, writer, epoch: EPOCH });
    running.push(begun);
    return begun;
  };
  beforeEach(async () => {
    redis = new MemoryRedis(Date.now);
    redis.store.set(ledgerKeys(CRM.name, '').epoch, EPOCH);
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
  const deliver = async (entity: string, ...bodies: Fields[]) => {
    for (const body of bodies) {
      steps.deliver(entity, body);
      await done();
    }
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  };
  const count = async (metric: string): Promise<string> =>
    (await steps.metrics.registry.metrics()).split('\n').find((line) => line.startsWith(metric)) ?? '';

  test('gets a tombstone, once; the same record again is a change, and what comes late is stale', async () => {
    await deliver('customer', customer({ lines: [] }), gone({ id: 'C-1' }), gone(customer({ name: 'any' })));
    expect(sink.keys('customers')).toEqual(['C-1', '-C-1']);
    expect(sink.rows.at(-1)).toMatchObject({ key: 'C-1', deleted: true, version: at(0), values: {} });
    await deliver(
      'customer',
      customer({ lines: [] }),
      gone({ id: 'C-1' }, 2),
      customer({ lines: [], updatedAt: at(1) }),
    );
    expect(sink.keys('customers')).toEqual(['C-1', '-C-1', 'C-1', '-C-1']);
    expect(await count('tributary_tombstones_written_total{dataset="customers"}')).toMatch(/ 2$/);
    expect(await count('tributary_records_total{entity="customer",outcome="stale"}')).toMatch(/ 1$/);
  });

  test('is told apart from the record before it and the record after it, when all come in one micro-batch', async () => {
    await deliver('inventory', item({ sku: 'A' }));
    const record = customer({ lines: lines('A') });
    for (const body of [record, gone({ id: 'C-1' }), record]) steps.deliver('customer', body);
    await done();
    const price = item({ sku: 'A', price: 1 });
    for (const body of [gone({ sku: 'A' }), price, gone(price), price]) steps.deliver('inventory', body);
    await done();
    expect(sink.keys('customers')).toEqual(['C-1', '-C-1', 'C-1']);
    expect(sink.keys('inventory')).toEqual(['A', '-A', 'A', '-A', 'A']);
    const both = ['C-1/A', '-C-1/A', 'C-1/A'];
    expect(sink.keys(MERGE)).toEqual([...both, '-C-1/A', 'C-1/A', '-C-1/A', 'C-1/A']);
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  });

  test('with lines closes all of them before its own row, and they are forgotten after it', async () => {
    await deliver('inventory', item({ sku: 'A' }), item({ sku: 'B' }));
    await deliver('customer', customer({ lines: lines('A', 'B', 'later') }));
    const before = sink.rows.length;
    await deliver('customer', gone({ id: 'C-1' }, 1));
    const landed = sink.rows.slice(before).map(({ dataset, key, deleted }) => `${dataset} ${deleted ? '-' : ''}${key}`);
    expect(landed).toEqual([`${MERGE} -C-1/A`, `${MERGE} -C-1/B`, 'customers -C-1']);
    const of = steps.keys.merge(MERGE);
    expect(redis.store.hash(of.open).size).toBe(0);
    expect(redis.store.sortedSet(of.refs).size).toBe(0);
    await deliver('inventory', item({ sku: 'later' }), item({ sku: 'A', price: 7, updatedAt: at(2) }));
    expect(sink.keys(MERGE)).toHaveLength(4);
    await deliver('customer', customer({ lines: lines('A', 'later'), updatedAt: at(3) }));
    expect(sink.keys(MERGE).slice(4)).toEqual(['C-1/A', 'C-1/later']);
  });

  test('that lines point at closes all of them; lines make no row while it is deleted, and all come back with it', async () => {
    await deliver('inventory', item({ sku: 'A' }));
    await deliver('customer', customer({ lines: lines('A', 'A') }), customer({ id: 'C-2', lines: lines('A') }));
    await deliver('inventory', gone({ sku: 'A' }, 1));
    expect(sink.keys(MERGE).slice(3).sort()).toEqual(['-C-1/A', '-C-1/A/2', '-C-2/A']);
    await deliver('customer', customer({ name: 'Bob', lines: lines('A'), updatedAt: at(2) }));
    await deliver('customer', customer({ id: 'C-3', lines: lines('A') }));
    await deliver('inventory', item({ sku: 'A', price: 1 }));
    expect(sink.keys(MERGE)).toHaveLength(6);
    await deliver('inventory', item({ sku: 'A', updatedAt: at(3) }));
    expect(sink.keys(MERGE).slice(6).sort()).toEqual(['C-1/A', 'C-2/A', 'C-3/A']);
    expect(sink.rows.findLast(({ key }) => key === 'C-1/A')?.values).toMatchObject({ customer_name: 'Bob' });
  });

  test('that more lines point at than a page holds closes all of them', async () => {
    await deliver('inventory', item({ sku: 'A' }));
    for (let n = 0; n < 1_100; n++) steps.deliver('customer', customer({ id: `C-${n}`, lines: lines('A') }));
    for (let turn = 0; turn < 20; turn++) await done();
    await deliver('inventory', gone({ sku: 'A' }, 1));
    const keys = sink.keys(MERGE);
    expect(keys.filter((key) => key.startsWith('-'))).toHaveLength(1_100);
    expect(new Set(keys).size).toBe(2_200);
  });

  test('of either side, in turn, leaves its merged row closed once', async () => {
    await deliver('inventory', item({ sku: 'A' }));
    await deliver('customer', customer({ lines: lines('A') }));
    steps.deliver('inventory', gone({ sku: 'A' }, 1));
    steps.deliver('customer', gone({ id: 'C-1' }, 1));
    await done();
    expect(sink.keys(MERGE)).toEqual(['C-1/A', '-C-1/A']);
    await deliver('inventory', item({ sku: 'A', updatedAt: at(2) }));
    expect(sink.keys(MERGE)).toEqual(['C-1/A', '-C-1/A']);
  });

  test('whose merged row another record has to close makes that durable itself, before its own row', async () => {
    await deliver('inventory', item({ sku: 'A' }));
    await deliver('customer', customer({ lines: lines('A') }));
    steps.deliver('inventory', gone({ sku: 'A' }, 1));
    await settled();
    steps.deliver('customer', gone({ id: 'C-1' }, 1));
    await settled();
    // If this consumer died now, no line would point at the item any more.
    await steps.lane('customer').batch.flushNow();
    expect(sink.keys(MERGE)).toEqual(['C-1/A', '-C-1/A']);
    expect(sink.keys('inventory')).toEqual(['A']);
    await done();
    expect(sink.keys(MERGE)).toEqual(['C-1/A', '-C-1/A']);
    expect(sink.keys('inventory')).toEqual(['A', '-A']);
  });

  test('is a dead letter if it says so in a wrong way', async () => {
    steps.deliver('customer', { id: 'C-1', updatedAt: at(0), _deleted: 'yes' });
    steps.deliver('customer', { id: 'C-1', _deleted: true });
    await done();
    expect(steps.buried.map(({ code }) => code)).toEqual(['deleted_invalid', 'version_invalid']);
  });
});
