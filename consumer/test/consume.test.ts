import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askFor, ErasedKeys } from '../src/erase/erasure.js';
import { ledgerKeys } from '../src/ledger/keys.js';
import { MemoryRedis } from './simulation/memory-redis.js';
import { settled } from './support/fake-clock.js';
import { PlainSink } from './support/plain-sink.js';
import { CRM, customer, type Fields, item } from './support/records.js';
import { type RunningSteps, startSteps } from './support/steps.js';

const EPOCH = 'sink.run1.e1';
const at = (minute: number) => `2025-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`;
const lines = (...skus: string[]) => skus.map((sku) => ({ sku, quantity: 1 }));

describe('the consumer', () => {
  let now: number;
  let redis: MemoryRedis;
  let sink: PlainSink;
  let steps: RunningSteps;
  const running: RunningSteps[] = [];
  const start = async (writer: string, erased?: ErasedKeys) => {
    const begun = await startSteps({ redis: redis.client(), sink, writer, epoch: EPOCH, ...(erased && { erased }) });
    running.push(begun);
    return begun;
  };
  /** Longer than a lease: every lease that is not renewed runs out. */
  const letLeasesRunOut = () => {
    now += 11_000;
  };
  beforeEach(async () => {
    now = Date.now();
    redis = new MemoryRedis(() => now);
    redis.store.set(ledgerKeys(CRM.name, '').epoch, EPOCH);
    sink = new PlainSink();
    await sink.beginEpoch(EPOCH);
    steps = await start('X');
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.kill();
  });
  const done = async (...of: RunningSteps[]) => {
    await settled();
    for (const one of of.length > 0 ? of : [steps]) await one.flushNow();
    await settled();
  };
  const count = async (metric: string): Promise<string> =>
    (await steps.metrics.registry.metrics()).split('\n').find((line) => line.startsWith(metric)) ?? '';

  test('drops records of a key that was erased, also those that it could not write, and says nothing of what they hold', async () => {
    const todo = { key: 'C-1', where: {} };
    const erased = await start('Y', new ErasedKeys([askFor([], 'customer', todo, now)]));
    erased.deliver('customer', customer({ id: 'C-1', lines: [] }));
    erased.deliver('customer', customer({ id: 'C-1', lines: 'no list' }));
    erased.deliver('customer', '{"id":"C-1"}');
    erased.deliver('customer', customer({ id: 'C-2', lines: [] }));
    erased.deliver('customer', customer({ id: 'C-2', lines: 'no list' }));
    erased.deliver('customer', 'no JSON');
    erased.deliver('inventory', item({ sku: 'C-1' }));
    await done(erased);
    expect(sink.keys('customers')).toEqual(['C-2']);
    expect(sink.keys('inventory')).toEqual(['C-1']);
    expect(erased.buried).toHaveLength(2);
    expect(erased.unsettled()).toBe(0);
    const metrics = await erased.metrics.registry.metrics();
    expect(metrics).toContain('tributary_records_total{entity="customer",outcome="erased"} 3');
    expect(metrics).not.toContain('C-1');
  });

  test('buries of a pack that cannot be taken apart what is not of erased keys, and leaves what it does not know', async () => {
    const todo = { key: 'C-1', where: {} };
    const erased = await start('Y', new ErasedKeys([askFor([], 'customer', todo, now)]));
    const many = (id: string) => Array.from({ length: 10_001 }, () => JSON.stringify({ id }));
    const gone = '{"id":"C-1","name":"canary"}';
    erased.deliverPack('customer', [...many('C-2'), gone, 'no JSON', gone, '']);
    erased.deliverPack('customer', many('C-3'));
    erased.deliverPack('customer', many('C-1'));
    await done(erased);
    const [rest, other, ...more] = erased.buried;
    expect(more).toEqual([]);
    expect(rest?.body).toBe([...many('C-2'), 'no JSON'].join('\n'));
    expect(rest).toMatchObject({ messageId: 'p0001', code: 'pack_too_large', headers: { records: 10_002 } });
    expect(other?.body).toBe(many('C-3').join('\n'));
    expect(erased.unsettled()).toBe(0);
    expect(erased.errors).toEqual([]);
  });

  test('writes a batch when ten records are there, and not before', async () => {
    for (let n = 1; n <= 9; n++) steps.deliver('customer', customer({ id: `C-${n}`, lines: [] }));
    await settled();
    expect(sink.rows).toEqual([]);
    steps.deliver('customer', customer({ id: 'C-10', lines: [] }));
    await settled();
    expect(sink.keys('customers')).toHaveLength(10);
    expect(steps.unsettled()).toBe(0);
  });

  test('writes what is there after thirty seconds', async () => {
    steps.deliver('customer', customer());
    await settled();
    await steps.clock.advance(29_999);
    expect(steps.unsettled()).toBe(1);
    await steps.clock.advance(1);
    expect(sink.keys('customers')).toEqual(['C-1']);
    expect(steps.unsettled()).toBe(0);
  });

  test('acknowledges duplicates and stale records within a moment, even between records that wait for their batch', async () => {
    steps.deliver('customer', customer({ updatedAt: at(5) }));
    await done();
    steps.deliver('customer', customer({ id: 'C-2' }));
    steps.deliver('customer', customer({ updatedAt: at(5) }));
    steps.deliver('customer', customer({ updatedAt: at(4), name: 'Old' }));
    await settled();
    expect(steps.unsettled()).toBe(1);
    await steps.clock.advance(100);
    expect(steps.lane('customer').channel.acks.slice(1)).toEqual(['3', '4']);
    expect(await count('tributary_records_total{entity="customer",outcome="duplicate"}')).toMatch(/ 1$/);
    expect(await count('tributary_records_total{entity="customer",outcome="stale"}')).toMatch(/ 1$/);
    const seen = await steps.seenAgain.last('customers', 'C-1', new AbortController().signal);
    expect(seen.last).toMatchObject({ consumer: 'X', verdict: 'duplicate' });
    expect((await steps.seenAgain.last('customers', 'C-2', new AbortController().signal)).last).toBeUndefined();
  });

  test('writes a message that comes twice once', async () => {
    steps.deliver('customer', customer(), 'm1');
    steps.deliver('customer', customer(), 'm1');
    await settled();
    steps.deliver('customer', customer(), 'm1');
    await done();
    expect(sink.keys('customers')).toEqual(['C-1']);
    expect(steps.unsettled()).toBe(0);
  });

  test('sends records that can never be written to the dead letters, without an effect on other records', async () => {
    const bodies: (Fields | string)[] = ['{', customer({ id: 'C-1' }), { name: 'no key' }, customer({ id: 'C-2' })];
    for (const body of bodies) steps.deliver('customer', body);
    await done();
    expect(steps.buried.map(({ code }) => code)).toEqual(['not_json', 'key_missing']);
    expect(sink.keys('customers')).toEqual(['C-1', 'C-2']);
    expect(steps.unsettled()).toBe(0);
    expect(
      await count('tributary_dead_letters_total{endpoint="crm-customers",entity="customer",code="not_json"}'),
    ).toMatch(/ 1$/);
  });

  test('counts fields that it does not know, and names only a limited number of them', async () => {
    const invented = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`field${n}`, n]));
    steps.deliver('customer', customer(invented));
    await done();
    const metrics = await steps.metrics.registry.metrics();
    expect(metrics.match(/^tributary_unknown_fields_total/gm)).toHaveLength(201);
    expect(metrics).toMatch(/field="\(others\)"} 100$/m);
  });

  describe('in the merge', () => {
    test('the side that comes second makes the merged row, before its own row', async () => {
      steps.deliver('customer', customer({ lines: lines('A', 'B') }));
      await done();
      expect(sink.rows).toHaveLength(1);
      steps.deliver('inventory', item({ sku: 'A' }));
      await done();
      expect(sink.rows.map(({ key }) => key)).toEqual(['C-1', 'C-1/A', 'A']);
      steps.deliver('inventory', item({ sku: 'B' }));
      steps.deliver('customer', customer({ id: 'C-2', lines: lines('B', 'A', 'B') }));
      await done();
      expect(sink.keys('customer_inventory').sort()).toEqual(['C-1/A', 'C-1/B', 'C-2/A', 'C-2/B', 'C-2/B/2']);
    });

    test('a change of either side makes its merged rows again, and no others', async () => {
      steps.deliver('inventory', item({ sku: 'A' }));
      steps.deliver('inventory', item({ sku: 'B' }));
      await done();
      steps.deliver('customer', customer({ lines: lines('A', 'B') }));
      await done();
      steps.deliver('inventory', item({ sku: 'A', price: 5, updatedAt: at(1) }));
      await done();
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A', 'C-1/B', 'C-1/A']);
      expect(sink.rows.findLast(({ key }) => key === 'C-1/A')?.values).toMatchObject({ price: 5, line_value: 5 });
    });

    test('a line that is dropped is closed once, and opens again when it comes back', async () => {
      steps.deliver('inventory', item({ sku: 'A' }));
      await done();
      for (const [minute, skus] of [['A'], [], [], ['A']].entries()) {
        steps.deliver('customer', customer({ lines: lines(...skus), updatedAt: at(minute), name: `name ${minute}` }));
        await done();
      }
      expect(sink.keys('customer_inventory')).toEqual(['C-1/A', '-C-1/A', 'C-1/A']);
    });

    test('a line that is dropped before its row was made leaves nothing behind', async () => {
      steps.deliver('customer', customer({ lines: lines('A') }));
      steps.deliver('customer', customer({ lines: [], updatedAt: at(1) }));
      steps.deliver('inventory', item({ sku: 'A' }));
      await done();
      expect(sink.keys('customer_inventory')).toEqual([]);
      expect(steps.unsettled()).toBe(0);
    });

    test('a line that an earlier ledger has open under a text that cannot be a key is forgotten', async () => {
      steps.deliver('customer', customer({ lines: lines('A') }));
      await done();
      redis.store.hash(steps.keys.merge('customer_inventory').open).set('C-1', 'x\ny\n\nz');
      steps.deliver('customer', customer({ lines: [], updatedAt: at(1) }));
      await done();
      expect([steps.errors, steps.unsettled()]).toEqual([[], 0]);
      expect(sink.keys('customer_inventory')).toEqual([]);
      expect(redis.store.hash(steps.keys.merge('customer_inventory').open).get('C-1')).toBeUndefined();
    });

    test('an item that very many customers point at makes all their merged rows, in pages, before its own row', async () => {
      for (let n = 1; n <= 1_100; n++) steps.deliver('customer', customer({ id: `C-${n}`, lines: lines('A') }));
      await done();
      steps.deliver('inventory', item({ sku: 'A' }));
      await settled();
      expect(sink.keys('customer_inventory')).toHaveLength(1_000);
      await done();
      expect(new Set(sink.keys('customer_inventory')).size).toBe(1_100);
      expect(sink.rows).toHaveLength(2_201);
      expect(sink.rows.at(-1)?.key).toBe('A');
    });
  });

  describe('beside another consumer', () => {
    let other: RunningSteps;
    beforeEach(async () => {
      other = await start('Y');
    });

    test('leaves a row that the other has in flight to the other', async () => {
      steps.deliver('customer', customer(), 'm1');
      await settled();
      other.deliver('customer', customer(), 'm1');
      await settled();
      expect(other.unsettled()).toBe(1);
      await done(steps);
      await other.clock.advance(250);
      await done(other);
      expect(sink.keys('customers')).toEqual(['C-1']);
      expect(other.unsettled()).toBe(0);
    });

    test('takes over what the other held when it died, and writes it', async () => {
      steps.deliver('customer', customer(), 'm1');
      await settled();
      await steps.kill();
      other.deliver('customer', customer(), 'm1');
      await settled();
      expect(sink.takenOver).toEqual([]);
      letLeasesRunOut();
      await other.clock.advance(2_500);
      await done(other);
      expect(sink.takenOver).toEqual(['X']);
      expect(sink.rows.map(({ writer, key }) => `${writer} ${key}`)).toEqual(['Y C-1']);
    });

    /** Everything was written, and nothing was committed. The other one may take it over. */
    const dieBeforeCommit = async () => {
      const landing = steps.flushNow();
      redis.store.set(ledgerKeys(CRM.name, '').epoch, 'away');
      await landing;
      redis.store.set(ledgerKeys(CRM.name, '').epoch, EPOCH);
      await steps.kill();
      letLeasesRunOut();
      await other.clock.advance(2_500);
    };

    test('does not write again what had landed when the other died', async () => {
      steps.deliver('inventory', item({ sku: 'A' }), 'm1');
      await done(steps);
      steps.deliver('customer', customer({ lines: lines('A', 'B') }), 'm2');
      await settled();
      await dieBeforeCommit();
      const landed = sink.rows.map(({ key }) => key);
      other.deliver('customer', customer({ lines: lines('A', 'B') }), 'm2');
      await done(other);
      expect(landed).toEqual(['A', 'C-1/A']);
      expect(sink.rows.map(({ key }) => key)).toEqual(['A', 'C-1/A', 'C-1']);
      expect(other.unsettled()).toBe(0);
    });

    test.each([
      ['the same version', '1', '1'],
      ['a later version', '1', '2'],
      ['a later version that is a time', '2025-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
      ['a version of more digits', '9', '10'],
    ])(
      'merges a record that had landed as it landed, where a message of %s takes it over',
      async (_, before, after) => {
        steps.deliver('inventory', item({ sku: 'A', _version: before }), 'm1');
        await settled();
        await dieBeforeCommit();
        other.deliver('inventory', item({ sku: 'A', _version: after }), 'm2');
        await done(other);
        other.deliver('customer', customer({ lines: lines('A') }), 'm3');
        await done(other);
        const told = sink.rows.map(({ key, version, messageId }) => [key, version, messageId]);
        const own = '2025-01-01T00:00:00.000Z';
        // The message that a merged row tells of is there: a rebuild would wait for any other.
        expect(told).toEqual([
          ['A', before, 'm1'],
          ['C-1/A', `${own} ${before}`, 'm3 m1'],
          ['C-1', own, 'm3'],
        ]);
        expect(other.unsettled()).toBe(0);
        // What is older than either is stale.
        other.deliver('inventory', item({ sku: 'A', price: 1, _version: before }), 'm0');
        await done(other);
        expect(sink.rows).toHaveLength(3);
      },
    );

    test('merges a record again whose row the other has in flight, and lands its other rows at once', async () => {
      // Neither the version nor any other column of the merge tells the two customers apart.
      const same = customer({ lines: lines('A', 'B') });
      steps.deliver('inventory', item({ sku: 'A' }), 'm1');
      await done(steps);
      steps.deliver('customer', { ...same, lines: lines('A') }, 'm2');
      await settled();
      other.deliver('inventory', item({ sku: 'B' }), 'm3');
      await done(other);
      other.deliver('customer', same, 'm4');
      await settled();
      expect(sink.keys('customer_inventory')).toEqual(['C-1/B']);
      expect(sink.keys('customers')).toEqual([]);
      await done(steps);
      await other.clock.advance(250);
      await done(other);
      expect(sink.keys('customer_inventory')).toEqual(['C-1/B', 'C-1/A']);
      expect(sink.rows.map(({ writer, key }) => `${writer} ${key}`).slice(-2)).toEqual(['X C-1', 'Y C-1']);
      expect(other.unsettled()).toBe(0);
      expect(await other.metrics.registry.metrics()).toContain(
        'tributary_records_total{entity="customer",outcome="accepted"} 1',
      );
    });
  });
});
