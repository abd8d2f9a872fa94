import type { PipelineConfig } from '@tributary/shared';
import { datasetsOf } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LedgerKeys, ledgerKeys } from '../../src/ledger/keys.js';
import { nameOfMerges } from '../../src/merge/rows.js';
import { formsOf } from '../../src/recovery/forms.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { stateOf } from '../ledger/harness.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, customer, type Fields, item } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';

const MERGE = 'customer_inventory';
const COLUMNS = { sku: 'line.sku', name: 'customer.name', price: 'inventory.price' };
const mergesWith = (missing: 'wait' | 'empty'): PipelineConfig => ({
  ...CRM,
  merges: CRM.merges.map((merge) => ({ ...merge, missing, columns: COLUMNS })),
});
const EMPTY = mergesWith('empty');
const WAIT = mergesWith('wait');
const EPOCHS = ['sink.run1.e1', 'sink.run1.e2', 'sink.run1.e3'] as const;
const at = (minute: number) => `2025-01-01T00:0${minute}:00.000Z`;
const lines = (...skus: string[]) => skus.map((sku) => ({ sku, quantity: 1 }));

describe('a merge that leaves empty what is missing', () => {
  let redis: MemoryRedis;
  let sink: PlainSink;
  let steps: RunningSteps;
  const running: RunningSteps[] = [];
  const start = async (config: PipelineConfig, epoch: string) => {
    redis.store.set(ledgerKeys(CRM.name, '').epoch, epoch);
    const begun = await startSteps({ redis: redis.client(), sink, writer: `W${running.length}`, epoch, config });
    running.push(begun);
    return begun;
  };
  beforeEach(async () => {
    redis = new MemoryRedis(Date.now);
    sink = new PlainSink();
    await sink.beginEpoch(EPOCHS[0]);
    steps = await start(EMPTY, EPOCHS[0]);
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.kill();
  });
  const done = async () => {
    await settled();
    await steps.flushNow();
    await settled();
  };
  const deliver = async (entity: string, ...bodies: Fields[]) => {
    for (const body of bodies) {
      steps.deliver(entity, body);
      await done();
    }
    expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
  };
  const rows = () =>
    sink.rows
      .filter(({ dataset }) => dataset === MERGE)
      .map(({ key, deleted, values }) => (deleted ? `-${key}` : [key, values.price ?? 'half']));
  /** As after a change of the configuration: the ledger is rebuilt from the sink, and what differs is made once more. */
  const rebuild = async (config: PipelineConfig, epoch: string) => {
    await steps.kill();
    const keys = ledgerKeys(CRM.name, epoch);
    await rebuildFromSink({ redis: redis.client(), config, sink, clock: new FakeClock() })(keys);
    await sink.beginEpoch(epoch);
    steps = await start(config, epoch);
    await steps.remerge();
    await done();
    expect(steps.errors).toEqual([]);
    return keys;
  };

  test('has a row for a line at once, the full row when the other side comes, and half of it when that is deleted', async () => {
    await deliver('customer', customer({ lines: lines('A') }));
    expect(rows()).toEqual([['C-1/A', 'half']]);
    expect(sink.rows[0]).toMatchObject({
      values: { sku: 'A', name: 'Ada' },
      messageId: expect.stringMatching(/^\S+ $/),
    });
    await deliver('inventory', item({ sku: 'A', price: 1 }), item({ sku: 'A', price: 2, updatedAt: at(1) }));
    await deliver('inventory', { sku: 'A', updatedAt: at(2), _deleted: true });
    await deliver('customer', customer({ lines: lines('A'), name: 'Bob', updatedAt: at(1) }));
    await deliver('inventory', item({ sku: 'A', price: 3, updatedAt: at(3) }));
    const of = (price: unknown) => ['C-1/A', price];
    expect(rows()).toEqual([of('half'), of(1), of(2), of('half'), of('half'), of(3)]);
  });

  test('closes the row of a line that goes, whether it is half or full', async () => {
    await deliver('inventory', item({ sku: 'A', price: 1 }));
    await deliver('customer', customer({ lines: lines('A', 'B') }));
    await deliver('customer', customer({ lines: lines('C'), updatedAt: at(1) }));
    await deliver('customer', { id: 'C-1', updatedAt: at(2), _deleted: true });
    expect(rows()).toEqual([['C-1/A', 1], ['C-1/B', 'half'], ['C-1/C', 'half'], '-C-1/A', '-C-1/B', '-C-1/C']);
    await deliver('inventory', item({ sku: 'B' }), item({ sku: 'C' }));
    expect(rows()).toHaveLength(6);
  });

  test('has a row for a line that points at nothing, and closes it', async () => {
    await deliver('customer', customer({ lines: lines('', 'A', 'x\n', '') }));
    expect(rows()).toEqual(['C-1//1', 'C-1/A', 'C-1//2', 'C-1//3'].map((key) => [key, 'half']));
    await deliver('customer', customer({ lines: lines('A', ''), updatedAt: at(1) }));
    expect(rows().slice(4)).toEqual(['-C-1//2', '-C-1//3']);
    await rebuild(EMPTY, EPOCHS[1]);
    await deliver('customer', customer({ lines: lines('A'), updatedAt: at(2) }));
    expect(rows().slice(6)).toEqual(['-C-1//1']);
  });

  test('is rebuilt as it was, and makes nothing anew', async () => {
    await deliver('customer', customer({ lines: lines('A', 'B', '') }));
    await deliver('inventory', item({ sku: 'A' }), item({ sku: 'B' }), { sku: 'B', updatedAt: at(1), _deleted: true });
    const state = (keys: LedgerKeys) => stateOf(redis.client(), keys, ['customers', 'inventory', MERGE], [MERGE]);
    const before = await state(steps.keys);
    const made = rows().length;
    expect(await state(await rebuild(EMPTY, EPOCHS[1]))).toEqual(before);
    expect(rows()).toHaveLength(made);
  });

  test('does not step back to half of a row whose other side has still to come again after a rebuild', async () => {
    await deliver('inventory', item({ sku: 'A', price: 1 }));
    await deliver('customer', customer({ lines: lines('A') }));
    await deliver('inventory', item({ sku: 'A', price: 2, updatedAt: at(1) }));
    // As if the consumer had died before the own row of the item: its merged rows are written first.
    const [lost] = sink.rows.splice(
      sink.rows.findLastIndex(({ dataset }) => dataset === 'inventory'),
      1,
    );
    expect(lost?.version).toBe(at(1));
    await rebuild(EMPTY, EPOCHS[1]);
    await deliver('customer', customer({ lines: lines('A', 'B'), name: 'Bob', updatedAt: at(1) }));
    steps.deliver('inventory', item({ sku: 'A', price: 2, updatedAt: at(1) }), lost?.messageId);
    await done();
    const of = (price: unknown) => ['C-1/A', price];
    expect(rows()).toEqual([of(1), of(2), ['C-1/B', 'half'], of(2)]);
  });

  for (const missing of ['wait', 'empty'] as const) {
    for (const before of ['no', 'an older'] as const) {
      test(`that has ${missing} leaves a row whose item has still to come again, where ${before} item has landed and its customer came again under another message`, async () => {
        const config = mergesWith(missing);
        await rebuild(config, EPOCHS[1]);
        if (before === 'an older') await deliver('inventory', item({ sku: 'A', price: 1 }));
        await deliver('customer', customer({ lines: lines('A') }));
        await deliver('inventory', item({ sku: 'A', price: 2, updatedAt: at(1) }));
        const made = rows();
        expect(made.at(-1)).toEqual(['C-1/A', 2]);
        const [lost] = sink.rows.splice(
          sink.rows.findLastIndex(({ dataset }) => dataset === 'inventory'),
          1,
        );
        // A ledger that was lost does not know that the customer had landed when its next fetch brings it once more.
        const place = sink.rows.findIndex(({ dataset }) => dataset === 'customers');
        const landed = sink.rows[place] as (typeof sink.rows)[number];
        const order = `${landed.order.slice(0, landed.order.lastIndexOf(' '))} m9000`;
        sink.rows[place] = { ...landed, messageId: 'm9000', order };
        await rebuild(config, 'sink.run1.e4');
        expect(rows()).toEqual(made);
        steps.deliver('inventory', item({ sku: 'A', price: 2, updatedAt: at(1) }), lost?.messageId);
        await done();
        expect(rows()).toEqual(made);
        await deliver('inventory', item({ sku: 'A', price: 3, updatedAt: at(2) }));
        expect(rows()).toEqual([...made, ['C-1/A', 3]]);
      });
    }
  }

  test('makes the half rows when it comes in the place of one that waits, and closes them when it goes', async () => {
    await steps.kill();
    await sink.beginEpoch(EPOCHS[1]);
    steps = await start(WAIT, EPOCHS[1]);
    await deliver('inventory', item({ sku: 'A', price: 1 }), item({ sku: 'D' }));
    await deliver('customer', customer({ lines: lines('A', 'B', 'D', '') }));
    await deliver('inventory', { sku: 'D', updatedAt: at(1), _deleted: true });
    expect(rows()).toEqual([['C-1/A', 1], ['C-1/D', 19.99], '-C-1/D']);
    await rebuild(EMPTY, EPOCHS[2]);
    expect(rows().slice(3)).toEqual([
      ['C-1/B', 'half'],
      ['C-1/D', 'half'],
      ['C-1//1', 'half'],
    ]);
    await rebuild(WAIT, 'sink.run1.e4');
    expect(rows().slice(6)).toEqual(['-C-1/B', '-C-1/D', '-C-1//1']);
    await rebuild(WAIT, 'sink.run1.e5');
    expect(rows()).toHaveLength(9);
  });
});

test('only columns of the other side may be empty for that', () => {
  const optional = (config: PipelineConfig) => {
    const columns = datasetsOf(config).find(({ name }) => name === MERGE)?.columns ?? {};
    return Object.keys(columns).filter((name) => columns[name]?.optional === true);
  };
  expect([optional(WAIT), optional(EMPTY)]).toEqual([[], ['price']]);
});

test('a merge that waits is called as it was before there was this setting, so that it is not made anew', () => {
  const before: PipelineConfig = {
    ...CRM,
    merges: CRM.merges.map(({ missing: _missing, ...merge }) => merge as (typeof CRM.merges)[number]),
  };
  expect([nameOfMerges(CRM), formsOf(CRM)]).toEqual([nameOfMerges(before), formsOf(before)]);
  expect(nameOfMerges(EMPTY)).not.toBe(nameOfMerges(WAIT));
});
