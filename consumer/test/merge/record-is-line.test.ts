import { datasetsOf, parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ledgerKeys } from '../../src/ledger/keys.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import type { Fields } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';

const pipeline = (missing: 'wait' | 'empty') =>
  parsePipeline(
    `
name: orders
entities:
  customer: { dataset: customers, queue: customer_data, key: id, version: v, fields: { id: string, name: string, v: integer } }
  inventory: { dataset: orders, queue: inventory_data, key: id, version: v, fields: { id: string, customerId: string?, total: integer, v: integer } }
endpoints: {}
merges:
  order_customers:
    each: { entity: inventory }
    with: { entity: customer, on: customerId }
    missing: ${missing}
    columns: { total: inventory.total, name: customer.name }
`,
    {},
    'orders.yaml',
  );
const EPOCH = 'sink.run1.e1';

let redis: MemoryRedis;
let sink: PlainSink;
let steps: RunningSteps;
beforeEach(() => {
  redis = new MemoryRedis(Date.now);
  sink = new PlainSink();
});
afterEach(() => steps.kill());

async function start(config: ReturnType<typeof pipeline>, epoch = EPOCH): Promise<void> {
  redis.store.set(ledgerKeys(config.name, '').epoch, epoch);
  await sink.beginEpoch(epoch);
  steps = await startSteps({ redis: redis.client(), sink, writer: `W of ${epoch}`, epoch, config });
}

async function land(entity: string, ...bodies: Fields[]): Promise<void> {
  for (const body of bodies) {
    steps.deliver(entity, body);
    await settled();
    await steps.flushNow();
    await settled();
  }
  expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
}

const rows = () =>
  sink.rows
    .filter(({ dataset }) => dataset === 'order_customers')
    .map(({ key, deleted, values }) => `${deleted ? '-' : ''}${key} ${values.total ?? ''} ${values.name ?? ''}`.trim());

test('a record that is itself the line has one row with what it points at, and leaves it when it points elsewhere', async () => {
  await start(pipeline('wait'));
  await land('inventory', { id: 'O', customerId: 'A', total: 1, v: 1 });
  expect(rows()).toEqual([]);
  await land('customer', { id: 'A', name: 'Ada', v: 1 }, { id: 'B', name: 'Bob', v: 1 });
  await land('inventory', { id: 'O', customerId: 'B', total: 2, v: 2 });
  expect(rows()).toEqual(['O/A 1 Ada', 'O/B 2 Bob', '-O/A']);
  await land('customer', { id: 'B', name: 'Bo', v: 2 });
  await land('inventory', { id: 'O', total: 2, v: 3 });
  expect(rows().slice(3)).toEqual(['O/B 2 Bo', '-O/B']);
});

test('a look-up that may fail: the row is there at once, and follows the record that it points at', async () => {
  const config = pipeline('empty');
  await start(config);
  await land('inventory', { id: 'O', total: 1, v: 1 }, { id: 'P', customerId: 'A', total: 1, v: 1 });
  expect(rows()).toEqual(['O//1 1', 'P/A 1']);
  await land('customer', { id: 'A', name: 'Ada', v: 1 });
  await land('inventory', { id: 'O', customerId: 'A', total: 1, v: 2 });
  expect(rows().slice(2)).toEqual(['P/A 1 Ada', 'O/A 1 Ada', '-O//1']);
  await land('customer', { id: 'A', v: 2, _deleted: true });
  await land('inventory', { id: 'P', v: 2, _deleted: true });
  expect(rows().slice(5).toSorted()).toEqual(['-P/A', 'O/A 1', 'P/A 1']);
});

test('its rows are rebuilt with the ledger, and nothing is made anew', async () => {
  const config = pipeline('wait');
  await start(config);
  await land('inventory', { id: 'O', customerId: 'A', total: 1, v: 1 });
  await land('customer', { id: 'A', name: 'Ada', v: 1 });
  await steps.kill();
  const next = 'sink.run1.e2';
  await rebuildFromSink({ redis: redis.client(), config, sink, clock: new FakeClock() })(ledgerKeys(config.name, next));
  await start(config, next);
  await steps.remerge();
  await land('customer', { id: 'A', name: 'Al', v: 2 });
  expect(rows()).toEqual(['O/A 1 Ada', 'O/A 1 Al']);
  expect(Object.keys(datasetsOf(config).at(-1)?.columns ?? {})).toEqual(['total', 'name']);
});
