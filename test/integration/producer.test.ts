import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { redisCursorStore } from '@tributary/producer';
import { Redis } from '@tributary/shared';
import { inject, onTestFinished } from 'vitest';
import { describeCursorStore } from '../../producer/test/cursor-conformance.js';
import { describePublisher } from '../../producer/test/publisher-conformance.js';
import { uniqueName } from '../services/handle.js';

/** A way to the broker that can be cut without hurting anybody else's connections. */
async function startCuttableWay(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = dial(Number(port || 5672), hostname);
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(broker).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.toString(), cut };
}

describePublisher(
  'RabbitMQ',
  async () => {
    const { url, cut } = await startCuttableWay(inject('amqpUrl'));
    return { url, disconnectAll: async () => cut() };
  },
  { refusesOverflow: true },
);

describeCursorStore('Redis', async () => {
  const pipeline = uniqueName('cursors');
  const redis = new Redis(inject('redisUrl'));
  onTestFinished(async () => {
    const keys = await redis.keys(`{${pipeline}}:*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  });
  return {
    store: redisCursorStore(redis, pipeline),
    reopened: async () => redisCursorStore(redis, pipeline),
  };
});
