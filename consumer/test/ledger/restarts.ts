import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/port.js';
import { RedisLedger } from '../../src/ledger/redis.js';
import { LedgerScripts } from '../../src/ledger/scripts.js';
import { enterEpoch } from '../../src/recovery/epoch.js';
import { WriterLost } from '../../src/writer-lost.js';
import { FakeClock } from '../support/fake-clock.js';
import { PlainSink } from '../support/plain-sink.js';
import { log } from '../support/records.js';
import type { TestRedis } from '../support/test-redis.js';
import { CUSTOMERS, MERGED, removePipeline, rowOf, uniquePipeline, verdictsOf } from './harness.js';

/** A server of the test's own. */
export interface RestartableRedis {
  /** Connects again by itself. */
  readonly redis: TestRedis;
  /** Starts the server again with what it holds now, as from an RDB snapshot. */
  restart(): Promise<void>;
}

/** A server that loses its scripts, or starts again. */
export function describeRestarts(name: string, make: () => Promise<RestartableRedis>): void {
  describe(`a ledger in a restarting ${name}`, () => {
    let server: RestartableRedis;
    let pipeline: string;
    let sink: PlainSink;
    beforeEach(async () => {
      server = await make();
      pipeline = uniquePipeline();
      sink = new PlainSink();
    });
    afterEach(() => removePipeline(server.redis, pipeline));
    const begin = async (writer: string): Promise<Ledger> => {
      const { redis } = server;
      const { signal } = new AbortController();
      const clock = new FakeClock();
      const epoch = await enterEpoch({
        mergeName: 'none',
        redis,
        pipeline,
        sink,
        rebuild: async () => {},
        clock,
        log,
        signal,
      });
      const mergeDatasets = new Set([MERGED]);
      const ledger = new RedisLedger({ redis, keys: epoch.keys, epoch: epoch.name, writer, mergeDatasets });
      await ledger.renewLease(60_000);
      return ledger;
    };
    const row = rowOf(CUSTOMERS, 'k', 'a', '1 m1');

    test('goes on when the scripts were flushed', async () => {
      const ledger = await begin('X');
      await ledger.claim(CUSTOMERS, [row]);
      await server.redis.script('FLUSH');
      await ledger.commit(CUSTOMERS, [row]);
      await server.redis.script('FLUSH');
      expect(await verdictsOf(ledger, row)).toEqual(['duplicate']);
      expect(sink.epochs).toHaveLength(1);
    });

    test('is lost when the server has started again, even with exactly the same content', async () => {
      const ledger = await begin('X');
      await ledger.claim(CUSTOMERS, [row]);
      await server.restart();
      // The first client gives the server the scripts again; that must not hide the restart from the other clients.
      await new LedgerScripts(server.redis).run('lease', [{ keys: ['none', 'none', 'none'], args: ['none', 'X', 0] }]);
      const calls = [
        () => ledger.claim(CUSTOMERS, [row]),
        () => ledger.commit(CUSTOMERS, [row]),
        () => ledger.joinEach(MERGED, [{ key: 'k', order: '1', payload: '', lines: [] }]),
        () => ledger.joinWith(MERGED, [{ key: 'k', order: '1', payload: '', after: '' }], 1),
        () => ledger.closeLines(MERGED, [{ key: 'k', order: '1', payload: '', lines: [] }]),
        () => ledger.renewLease(1_000),
      ];
      for (const call of calls) await expect(call()).rejects.toEqual(new WriterLost('lost'));
      const next = await begin('Y');
      expect(sink.epochs).toHaveLength(2);
      expect(await verdictsOf(next, row)).toEqual(['accept']);
    });
  });
}
