import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/port.js';
import { WriterLost } from '../../src/writer-lost.js';
import { MemoryRedis } from '../simulation/memory-redis.js';
import type { TestRedis } from '../support/test-redis.js';
import { CUSTOMERS, type LedgerHarness, MERGED, redisHarness, rowOf } from './harness.js';
import { orders } from './orders.js';
import { type RedisStandIn, startRedisStandIn } from './stand-in.js';

// A stand-in starts a process, and the machine may be busy.

/** The simulation is only worth something if its ledger behaves like the real one: any calls get the same answers. */

let standIn: RedisStandIn;
let redis: TestRedis;
beforeAll(async () => {
  standIn = await startRedisStandIn();
  redis = standIn.redis;
});
afterAll(() => standIn.stop());

type Call = (writer: Ledger) => Promise<unknown>;

// Few values, so that calls meet.
const key = fc.constantFrom('k1', 'k1', 'k/2');
/** Some of them are of rows that were made once more (remergedAt in merge/rows.ts). */
const plain = fc.tuple(fc.nat(3), fc.constantFrom('', '', '+000000abc')).map(([n, again]) => `0${n} m${n}${again}`);
const order = fc.oneof(plain, orders);
const dataset = fc.constantFrom(CUSTOMERS, MERGED, MERGED);
const row = fc.record({ key, order, content: fc.constantFrom('a', 'a', 'b', null) });
const lines = fc.subarray(['k1', 'k1\x012', 'k/2', 'k3']);

const call: fc.Arbitrary<{ shown: string; run: Call }> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ dataset, rows: fc.array(row, { minLength: 1, maxLength: 3 }) }).map(({ dataset, rows }) => ({
      shown: `claim ${dataset} ${JSON.stringify(rows)}`,
      run: (writer: Ledger) =>
        writer.claim(
          dataset,
          rows.map(({ key, content, order }) => rowOf(dataset, key, content, order)),
        ),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ dataset, row }).map(({ dataset, row: { key, content, order } }) => ({
      shown: `commit ${dataset} ${key} ${content} ${order}`,
      run: (writer: Ledger) => writer.commit(dataset, [rowOf(dataset, key, content, order)]),
    })),
  },
  fc.record({ dataset, row }).map(({ dataset, row: { key, content, order } }) => ({
    shown: `release ${dataset} ${key} ${content} ${order}`,
    run: (writer: Ledger) => writer.release(dataset, [rowOf(dataset, key, content, order)]),
  })),
  fc.record({ dataset, row }).map(({ dataset, row: { key, content, order } }) => ({
    shown: `doubt ${dataset} ${key} ${order}`,
    run: (writer: Ledger) => writer.doubt(dataset, [rowOf(dataset, key, content, order)]),
  })),
  fc.record({ key, order, lines }).map((each) => ({
    shown: `join each ${JSON.stringify(each)}`,
    run: (writer: Ledger) => writer.joinEach(MERGED, [{ ...each, payload: `each ${each.order}` }]),
  })),
  fc.record({ key, order, after: fc.constantFrom('', 'k1'), count: fc.constantFrom(1, 5) }).map((item) => ({
    shown: `join with ${JSON.stringify(item)}`,
    run: (writer: Ledger) => writer.joinWith(MERGED, [{ ...item, payload: `with ${item.order}` }], item.count),
  })),
  fc.record({ key, order, lines }).map((each) => ({
    shown: `close ${JSON.stringify(each)}`,
    run: (writer: Ledger) => writer.closeLines(MERGED, [{ ...each, payload: '' }]),
  })),
  fc.constant({ shown: 'take the lease', run: (writer: Ledger) => writer.renewLease(3_600_000) }),
  fc.constant({ shown: 'give the lease back', run: (writer: Ledger) => writer.releaseLease() }),
);

const calls = fc.array(fc.record({ writer: fc.constantFrom('X', 'Y', 'Z'), call }), { maxLength: 40 });

const answerOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.catch((error: unknown) => (error instanceof WriterLost ? error.code : Promise.reject(error)));

test('the ledger of the simulation answers as the Lua scripts do', async () => {
  await fc.assert(
    fc.asyncProperty(calls, async (sequence) => {
      const memory = new MemoryRedis(() => 1_000_000);
      const ledgers = [await redisHarness(redis), await redisHarness(memory.client())];
      const writers = ledgers.map(writersOf);
      const done: string[] = [];
      for (const name of ['X', 'Y', 'Z']) await Promise.all(writers.map((of) => of(name).renewLease(3_600_000)));
      for (const { writer, call } of sequence) {
        done.push(`${writer}: ${call.shown}`);
        const [real, simulated] = await Promise.all(writers.map((of) => answerOf(call.run(of(writer)))));
        expect(simulated, done.join('\n')).toEqual(real);
      }
      const [real, simulated] = await Promise.all(ledgers.map((ledger) => ledger.state()));
      expect(simulated, done.join('\n')).toEqual(real);
    }),
    { numRuns: 400 },
  );
});

/** A writer keeps its ledger, because the ledger numbers the calls. */
function writersOf(ledger: LedgerHarness): (name: string) => Ledger {
  const known = new Map<string, Ledger>();
  return (name) => {
    const writer = known.get(name) ?? ledger.writer(name);
    known.set(name, writer);
    return writer;
  };
}
