import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, inject, test, vi } from 'vitest';
import { ledgerKeys } from '../../consumer/src/ledger/keys.js';
import { withChannel } from '../end-to-end/support/servers.js';
import { WholePath } from './whole-path.js';

const SOON = { timeout: 30_000, interval: 100 };

/** They mostly wait, so they run side by side. */
describe.concurrent.each(['csv', 'postgres'] as const)('what a later version of Tributary wrote, with %s:', (sink) => {
  async function withPath(work: (path: WholePath) => Promise<void>) {
    const path = await WholePath.begin({ sink });
    try {
      path.change(20);
      await path.start();
      await path.settled();
      await work(path);
    } finally {
      await path.end();
    }
  }

  const told = (path: WholePath, words: string) =>
    vi.waitFor(() => expect(path.consumers.flatMap((one) => one.problems()).join('\n')).toContain(words), SOON);

  const format = (path: WholePath, number: number) =>
    sink === 'csv'
      ? writeFileSync(join(path.directory, '.tributary', 'format'), String(number))
      : path.query(`UPDATE tributary_meta SET format = ${number}`);

  test('messages wait, and are said to, while all others land; they are there for whoever can read them', () =>
    withPath(async (path) => {
      const queue = `${path.name}.customer`;
      const later = { format: 'of a later version' };
      await withChannel(inject('amqpUrl'), async (channel) => {
        const body = Buffer.from(JSON.stringify(later));
        channel.sendToQueue(queue, body, { persistent: true, headers: { recordFormat: 2 } });
        const pack = { contentType: 'application/x-ndjson', headers: { packFormat: 2 } };
        channel.sendToQueue(queue, body, { persistent: true, ...pack });
        await told(path, 'the message is a record of format 2, and this consumer reads format 1');
        path.change(30, 10);
        await vi.waitFor(
          async () => expect(await path.findings()).toMatchObject({ findings: [], missing: [0, 0, 0] }),
          SOON,
        );
        await path.stop();
        const found = [await channel.get(queue), await channel.get(queue)];
        expect(found.map((message) => message && JSON.parse(message.content.toString()))).toEqual([later, later]);
        expect((await channel.checkQueue(`${queue}.dead`)).messageCount).toBe(0);
        for (const message of found) if (message) channel.ack(message);
      });
    }));

  test('an output is left alone, and said to be; what is polled meanwhile waits, and lands when it can be read', () =>
    withPath(async (path) => {
      for (const consumer of path.consumers.splice(0)) await consumer.stop();
      await format(path, 2);
      const before = await path.findings();
      await path.startConsumer();
      await told(path, 'was written by a later version of Tributary (format 2, and this version knows up to 1)');
      path.change(30, 10);
      await vi.waitFor(async () => expect(await waiting(path)).toBeGreaterThanOrEqual(30), SOON);
      expect(before).toMatchObject({ findings: [], missing: [0, 0, 0] });
      expect(await path.findings()).toMatchObject({ missing: [20, 0, expect.any(Number)] });
      await format(path, 1);
      await path.settled();
    }));

  test('a ledger is not read: the consumer waits for those that write it, and rebuilds it from the output when they are gone', () =>
    withPath(async (path) => {
      const redis = new Redis(inject('redisUrl'));
      try {
        const present = (await path.redisGet('epoch')) ?? '';
        const since = (Date.now() + 1_000).toString(36).padStart(9, '0');
        const later = present.replace(/\.f\d+.*$/, `.f99-0123abcd${since}0123456789ab`);
        const { epoch, leases } = ledgerKeys(path.name, later);
        // As a consumer of a later version does it that begins an epoch, and works.
        await redis.zadd(leases, Date.now() + 10_000, 'later-1');
        await redis.set(epoch, later);
        if (sink === 'csv') writeFileSync(join(path.directory, '.tributary', 'epoch'), later);
        else await path.query(`UPDATE tributary_meta SET epoch = '${later}'; DELETE FROM tributary_writers`);
        path.change(30, 10);
        await told(path, 'is an older version of Tributary');
        expect(await path.redisGet('epoch')).toBe(later);
        await redis.del(leases);
        await path.settled();
        expect(await path.redisGet('epoch')).not.toBe(later);
        if (sink === 'csv') expect(readFileSync(join(path.directory, '.tributary', 'format'), 'utf8')).toBe('1');
      } finally {
        redis.disconnect();
      }
    }));
});

/** How many messages wait for the consumers. */
const waiting = (path: WholePath): Promise<number> =>
  withChannel(inject('amqpUrl'), async (channel) => (await channel.checkQueue(`${path.name}.customer`)).messageCount);
