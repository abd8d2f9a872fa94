import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createLogger } from '@tributary/shared';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { openRedis } from '../../shared/src/redis/redis.js';

const bulk = (...texts: string[]) =>
  `*${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;

/** A Sentinel that names the master only when it is let. */
async function startSlowSentinel(master: URL) {
  const asked: (() => void)[] = [];
  const sockets = new Set<Socket>();
  let isSlow = true;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const [command] of String(data).matchAll(/\*\d+\r\n(?:\$\d+\r\n[^\r]*\r\n)+/g)) {
        const answer = () => socket.write(bulk(master.hostname, master.port));
        if (/get-master-addr/i.test(command)) {
          if (isSlow) asked.push(answer);
          else answer();
        } else if (/subscribe/i.test(command)) socket.write('*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n');
        else socket.write(/sentinels/i.test(command) ? '*0\r\n' : '+OK\r\n');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `redis+sentinel://127.0.0.1:${(server.address() as AddressInfo).port}/mymaster/0`,
    asked,
    answer() {
      isSlow = false;
      for (const answer of asked.splice(0)) answer();
    },
  };
}

test('a connection that is told to leave its master just while it asks the Sentinels for it is made again', async () => {
  const sentinel = await startSlowSentinel(new URL(inject('redisUrl')));
  const told: (string | undefined)[] = [];
  const { redis } = openRedis({
    url: sentinel.url,
    connectionName: 'test',
    log: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    onProblem: (words) => told.push(words),
  });
  onTestFinished(() => redis.disconnect());
  await vi.waitFor(() => expect(sentinel.asked).not.toEqual([]), 20_000);
  // As ioredis does when a Sentinel says that there is another master.
  redis.disconnect(true);
  sentinel.answer();
  await vi.waitFor(async () => expect(await redis.ping()).toBe('PONG'), 20_000);
  await vi.waitFor(() => expect(told.at(-1)).toBeUndefined(), 20_000);
  redis.disconnect();
  await vi.waitFor(() => expect(redis.status).toBe('end'), 20_000);
  await expect(redis.ping()).rejects.toThrow('Connection is closed');
});
