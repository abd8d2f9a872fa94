import type { PipelineConfig } from '@tributary/shared';
import { beforeEach, expect, test, vi } from 'vitest';
import type { LedgerRedis } from '../../src/ledger/redis-client.js';
import { nameOfMerges } from '../../src/merge/rows.js';
import { enterEpoch } from '../../src/recovery/epoch.js';
import { rebuildFromSink } from '../../src/recovery/rebuild.js';
import { type Link, MemoryRedis } from '../simulation/memory-redis.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { CRM, customer, type Fields, item, log } from '../support/records.js';
import { type RunningSteps, startSteps } from '../support/steps.js';
import { MERGED } from './harness.js';

const at = (minute: number) => `2025-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`;
const lines = (...skus: string[]) => skus.map((sku, n) => ({ sku, quantity: n + 1 }));

let now: number;
let memory: MemoryRedis;
let redis: LedgerRedis;
let sink: PlainSink;
let messages: number;
let writers: number;
let skew = 0;
let lastConfig: PipelineConfig;
beforeEach(() => {
  now = Date.UTC(2025, 0, 1);
  skew = 0;
  lastConfig = CRM;
  memory = new MemoryRedis(() => now);
  redis = memory.client();
  sink = new PlainSink();
  messages = 0;
  writers = 0;
});

async function begin(config: PipelineConfig = CRM, link?: Link): Promise<RunningSteps> {
  // So long after the others that a configuration that is back counts as the newest (recovery/deployment.ts).
  if (config !== lastConfig) now += 16_000;
  lastConfig = config;
  const epoch = await enterEpoch({
    redis,
    pipeline: 'remerge',
    sink,
    mergeName: nameOfMerges(config),
    rebuild: rebuildFromSink({ redis, config, sink, clock: new FakeClock(now + skew) }),
    clock: new FakeClock(now),
    log,
    signal: new AbortController().signal,
  });
  return startSteps({
    redis: memory.client(link),
    sink,
    writer: `W${++writers}`,
    epoch: epoch.name,
    pipeline: 'remerge',
    config,
  });
}
async function land(steps: RunningSteps, entity: string, ...bodies: Fields[]) {
  for (const body of bodies) {
    steps.deliver(entity, body, `m${String(++messages).padStart(4, '0')}`);
    await vi.waitFor(
      async () => {
        await steps.flushNow();
        expect(steps.errors).toEqual([]);
        expect(steps.unsettled()).toBe(0);
      },
      { timeout: 10_000 },
    );
  }
}
const OFF: PipelineConfig = { ...CRM, merges: [] };
const PRICES: PipelineConfig = {
  ...CRM,
  merges: CRM.merges.map((merge) => ({ ...merge, columns: { price: 'inventory.price' } })),
};
const newest = () => {
  const rows = sink.rows.filter(({ dataset }) => dataset === 'customer_inventory');
  const sorted = rows.toSorted((a, b) => (a.order < b.order ? -1 : 1));
  return Object.fromEntries(
    sorted.map(({ key, deleted, values }) => [key, deleted ? 'closed' : Object.keys(values).length]),
  );
};

/** Kills a writer whose remerge is held up just before its write. */
async function remergeAndDieBeforeTheWrite(steps: RunningSteps, between = async () => {}) {
  let open = () => {};
  sink.gate = new Promise((resolve) => (open = resolve));
  const writes = sink.writes;
  void steps.remerge();
  await vi.waitFor(() => expect(sink.writes).toBe(writes + 1));
  await between();
  // The consumer that takes over fences it: a killed process must not write after that.
  sink.gate = Promise.resolve();
  await sink.takeOver(`W${writers}`);
  await steps.kill();
  open();
  await settled();
}

test('when a consumer dies while it closes the rows of a record without lines, the next consumer closes them', async () => {
  const one = await begin();
  await land(one, 'inventory', item({ sku: 'A' }));
  await land(one, 'customer', customer({ lines: lines('A') }));
  await one.kill();
  const off = await begin(OFF);
  await land(off, 'customer', customer({ lines: [], updatedAt: at(1) }));
  await off.kill();
  // The merge is on again: C-1/A must be closed.
  const two = await begin();
  expect((await two.ledger.unmerged(MERGED, 10)).map(({ key }) => key)).toEqual(['C-1']);
  await remergeAndDieBeforeTheWrite(two);
  now += 11_000;
  const three = await begin();
  await three.remerge();
  expect(three.errors).toEqual([]);
  expect(await three.ledger.unmerged(MERGED, 10)).toEqual([]);
  expect(newest()).toEqual({ 'C-1/A': 'closed' });
});

test('when a consumer dies while it makes rows that another with a slower clock leaves to it, they are made after all', async () => {
  const one = await begin();
  await land(one, 'inventory', item({ sku: 'A' }));
  await land(one, 'customer', customer({ lines: lines('A') }));
  await one.kill();
  now += 11_000;
  const behind = await begin(PRICES);
  const ahead = await begin(PRICES);
  await ahead.clock.advance(1);
  let over: Promise<void> = Promise.resolve();
  await remergeAndDieBeforeTheWrite(ahead, async () => {
    over = behind.remerge();
    await settled();
    await settled();
  });
  now += 11_000;
  await behind.clock.advance(11_000);
  await over;
  expect(behind.errors).toEqual([]);
  const three = await begin(PRICES);
  await three.remerge();
  expect(newest()).toEqual({ 'C-1/A': 1 });
});

test('a line that was dropped while the merge was off is closed, although its item had landed only in the merged row', async () => {
  const one = await begin();
  await land(one, 'customer', customer({ lines: lines('A') }));
  await land(one, 'inventory', item({ sku: 'A' }));
  sink.rows.splice(
    sink.rows.findLastIndex((row) => row.dataset === 'inventory'),
    1,
  );
  await one.kill();
  const off = await begin(OFF);
  await land(off, 'customer', customer({ lines: [], updatedAt: at(1) }));
  await off.kill();
  const two = await begin();
  await two.remerge();
  expect(newest()).toEqual({ 'C-1/A': 'closed' });
});

/** Holds up the first command of a client that looks like this, until it is let go. */
function heldUp(command: RegExp): { link: Link; isHeld: Promise<void>; letGo: () => void } {
  let [letGo, tell] = [() => {}, () => {}];
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const isHeld = new Promise<void>((resolve) => (tell = resolve));
  let last: Promise<unknown> = Promise.resolve();
  const link: Link = (what, effect) => {
    const before = last;
    const done = before.then(async () => {
      if (command.test(what)) {
        tell();
        await gate;
      }
      return effect();
    });
    last = done.catch(() => {});
    return done;
  };
  return { link, isHeld, letGo };
}
const CLAIM_OF_MERGED_ROWS = /evalsha claim \d+ C-1\//;

/** Customer and item have landed, and the item's last change is not in the merged row: it is to be made once more. */
async function landUnmerged() {
  const one = await begin();
  await land(one, 'inventory', item({ sku: 'A' }));
  await land(one, 'customer', customer({ lines: lines('A') }));
  await one.kill();
  const off = await begin(OFF);
  await land(off, 'inventory', item({ sku: 'A', price: 5, updatedAt: at(1) }));
  await off.kill();
}

test('a customer drops a line while a consumer makes its merged rows once more and dies: the line is closed after all', async () => {
  await landUnmerged();
  // This consumer has stored the customer without the line, and is about to ask for the tombstone.
  const { link, isHeld, letGo } = heldUp(CLAIM_OF_MERGED_ROWS);
  const two = await begin(CRM, link);
  two.deliver('customer', customer({ lines: lines('B'), updatedAt: at(2) }), 'm9000');
  await isHeld;
  // Meanwhile another meets the customer without the line in its remerge, asks for the same tombstone, and dies before the write.
  const three = await begin();
  await remergeAndDieBeforeTheWrite(three);
  letGo();
  await settledOnceOutOfLease(two);
  const four = await begin();
  await four.remerge();
  expect(newest()).toEqual({ 'C-1/A': 'closed' });
  expect(sink.keys('customers')).toEqual(['C-1', 'C-1']);
});

test('a customer that keeps its line changes at that moment: its merged row is made, also if the remerge is done elsewhere', async () => {
  await landUnmerged();
  const { link, isHeld, letGo } = heldUp(CLAIM_OF_MERGED_ROWS);
  const two = await begin(CRM, link);
  two.deliver('customer', customer({ lines: lines('A', 'A'), updatedAt: at(2) }), 'm9000');
  await isHeld;
  const three = await begin();
  await remergeAndDieBeforeTheWrite(three);
  // A fourth has read the customer as it was before, and takes its merged rows for made.
  await (await begin()).ledger.remerged(MERGED, ['C-1']);
  letGo();
  await settledOnceOutOfLease(two);
  expect(Object.keys(newest()).toSorted()).toEqual(['C-1/A', 'C-1/A/2']);
  expect(sink.rows.filter(({ key, messageId }) => key === 'C-1/A' && messageId.includes('m9000'))).toHaveLength(1);
});

test('a merge that is changed back after the clock was set back is made again', async () => {
  const one = await begin();
  await land(one, 'inventory', item({ sku: 'A' }));
  await land(one, 'customer', customer({ lines: lines('A') }));
  await one.kill();
  const full = newest()['C-1/A'];
  now += 11_000;
  // The consumer that rebuilds and merges first has a clock that is an hour ahead.
  skew = 3_600_000;
  const two = await begin(PRICES);
  await two.clock.advance(3_600_000);
  await two.remerge();
  expect(newest()).toEqual({ 'C-1/A': 1 });
  skew = 0;
  await two.kill();
  now += 11_000;
  const three = await begin();
  await three.clock.advance(1_000);
  await three.remerge();
  expect(newest()).toEqual({ 'C-1/A': full });
});

/** Waits until the leases of consumers that died have run out, and all that this one was given is settled. */
async function settledOnceOutOfLease(consumer: Awaited<ReturnType<typeof begin>>): Promise<void> {
  await settled();
  now += 11_000;
  await consumer.clock.advance(11_000);
  await vi.waitFor(async () => {
    await consumer.flushNow();
    expect(consumer.unsettled()).toBe(0);
  });
  expect(consumer.errors).toEqual([]);
}
