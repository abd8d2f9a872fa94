import { type PipelineConfig, systemClock } from '@tributary/shared';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { aggregatesOf } from '../../src/aggregate/compile.js';
import { eraseIn } from '../../src/erase/erase.js';
import type { Sink } from '../../src/sinks/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { expected, type Sale } from './oracle.js';
import { aggregatePipeline, PIPELINE, Steps, World } from './world.js';

export interface AggregateStore {
  connect(config?: PipelineConfig): Sink;
  remove(): Promise<void>;
}

const sale = fc.record({
  shop: fc.constantFrom('', 'north', 'south/%0', '=1+1', 'ä"b,\n'),
  cents: fc.option(fc.integer({ min: -99_999, max: 99_999 }), { nil: undefined }),
  grams: fc.option(fc.integer({ min: 0, max: 999 }), { nil: undefined }),
  units: fc.option(fc.integer({ min: -5, max: 2 ** 31 }), { nil: undefined }),
  hour: fc.option(fc.integer({ min: 0, max: 118 }), { nil: undefined }),
  buyer: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
});
const change = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.option(sale, { nil: undefined, freq: 4 }));
const round = fc.record({ changes: fc.array(change, { maxLength: 6 }), diesAt: fc.nat({ max: 90 }) });

const byText = (rows: unknown[]) => rows.map((row) => JSON.stringify(sorted(row))).sort();
const sorted = (row: unknown) => Object.fromEntries(Object.entries(row as object).sort(([a], [b]) => (a < b ? -1 : 1)));

export function aggregateSuite(newStore: () => Promise<AggregateStore>, runs: number): void {
  test('the groups are what a plain calculation makes of the rows, whatever changed, and wherever whoever calculates died', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
        const store = await newStore();
        const world = new World(store.connect());
        try {
          await world.begin();
          for (const { changes, diesAt } of rounds) {
            if (changes.length > 0) await world.write(changes);
            const isDone = await world.calculate(new Steps(diesAt));
            if (!isDone) {
              world.expire();
              expect(await world.calculate()).toBe(true);
            }
            const wanted = expected(world.sales);
            expect(byText(await world.rows('by_shop'))).toEqual(byText(wanted.by_shop));
            expect(byText(await world.rows('in_all'))).toEqual(byText(wanted.in_all));
          }
        } finally {
          await world.end();
          await store.remove();
        }
      }),
      { numRuns: runs },
    );
  });

  async function begin(sales: readonly (readonly [string, Sale])[], world?: World): Promise<World> {
    const store = await newStore();
    const begun = world ?? new World(store.connect());
    onTestFinished(async () => {
      await begun.end();
      await store.remove();
    });
    await begun.begin();
    await begun.write(sales);
    return begun;
  }

  test('a row that changes its group leaves the old one, which is gone with its last row', async () => {
    const world = await begin([['a', { ...SALE, shop: 'north' }]]);
    await world.calculate();
    await world.write([['a', { ...SALE, shop: 'south' }]]);
    await world.calculate();
    expect(await world.rows('by_shop')).toMatchObject([{ shop: 'south', sales: 1 }]);
  });

  test('nothing is written again while nothing changes, also by another that takes over', async () => {
    const world = await begin([['a', SALE]]);
    await world.calculate();
    const { written } = world;
    expect(written).toBe(2);
    await world.calculate();
    await world.write([['a', SALE]]);
    await world.calculate();
    expect(world.written).toBe(written);
  });

  test('who was held up and wakes after another took over changes nothing', async () => {
    const world = await begin([['a', SALE]]);
    const wake = new AbortController();
    const tried: Promise<unknown>[] = [];
    const slow = world.calculate(undefined, (output) => ({
      ...output,
      write: (...rows) => {
        const written = systemClock.sleep(60_000, wake.signal).then(() => output.write(...rows));
        tried.push(written);
        return written;
      },
      close: () => output.close(),
    }));
    await expect.poll(() => tried.length).toBe(1);
    await world.write([['a', { ...SALE, shop: 'south', cents: 7 }]]);
    world.expire();
    expect(await world.calculate()).toBe(true);
    wake.abort();
    await expect(tried[0]).rejects.toThrow(WriterLost);
    const wanted = expected(world.sales);
    expect(byText(await world.rows('by_shop'))).toEqual(byText(wanted.by_shop));
    await slow;
  });

  test('an erased record leaves no trace: older states of the groups go too, and they are made of what is left', async () => {
    const world = await begin([
      ['a', { ...SALE, cents: 666_66 }],
      ['b', SALE],
    ]);
    await world.calculate();
    await world.write([['b', { ...SALE, cents: 5 }]]);
    await world.calculate();
    const { config } = world;
    const of = { config, entity: 'sale', key: 'a', clock: systemClock, signal: AbortSignal.timeout(10_000) };
    const kept = (await world.sink.inspect({})).marks;
    const { removed } = await eraseIn(world.sink, of);
    // An aggregate without rows is no output that went back: nothing is polled again for it.
    expect((await world.sink.inspect(kept)).lost).toBeUndefined();
    expect(Object.keys(removed).join()).toMatch(/in_all/);
    world.sales.delete('a');
    expect(await world.rows('in_all')).toEqual([]);
    await world.begin();
    expect(await world.calculate()).toBe(true);
    expect(byText(await world.rows('by_shop'))).toEqual(byText(expected(world.sales).by_shop));
    for (const { dataset } of aggregatesOf(config)) {
      for await (const { row } of world.sink.find?.(dataset, () => true) ?? [])
        expect(JSON.stringify(row.values)).not.toContain('666');
    }
  });

  test('an aggregate whose definition changes makes its own rows anew, and no other', async () => {
    const world = await begin([['a', SALE]]);
    await world.calculate();
    const changed = aggregatePipeline(PIPELINE.replace('decimals: 3', 'decimals: 1'));
    const after = new World(world.sink, changed);
    await after.begin();
    expect(await after.calculate()).toBe(true);
    expect(after.written).toBe(1);
    expect(await after.rows('by_shop')).toMatchObject([{ mean: '12.3' }]);
  });
}

const SALE: Sale = { shop: 'north', cents: 1_234, grams: 100, units: 2, hour: 1, buyer: 1 };
